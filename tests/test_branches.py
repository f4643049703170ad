"""Names, paths and locks of branches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from aos_core.branches import (
    BranchLock,
    DiskError,
    branch_name,
    branch_path,
    check_branch_name,
    disk_errors,
    list_branches,
    written_by,
)
from aos_core.errors import BranchLocked, ReadOnly, UsageError


@pytest.mark.parametrize("name", ["main", "S+2,3,1", "S~1", "a.log", "-x", "...", "x" * 80])
def test_good_names_have_a_path_and_come_back_from_it(tmp_path: Path, name: str) -> None:
    path = branch_path(tmp_path, name)
    assert path == tmp_path / f"{name}.log"
    assert branch_name(path) == name
    path.touch()
    assert list_branches(tmp_path) == [name]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "x" * 81, "main@17", "a/b", "a\\b", "a b", "main\n", "\u00e4", "a\0"]
)
def test_bad_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_branch_name(name)
    assert caught.value.hint is not None
    with pytest.raises(UsageError):
        branch_path(tmp_path, name)


def test_listing_sees_logs_alone(tmp_path: Path) -> None:
    assert list_branches(tmp_path / "missing") == []
    for name in ["b.log", "a.log", "a.lock", "a.holder", "a.torn-1", "a@1.log", "notes.txt"]:
        (tmp_path / name).touch()
    (tmp_path / "directory.log").mkdir()
    assert list_branches(tmp_path) == ["a", "b"]


def test_one_holder_within_a_process(tmp_path: Path) -> None:
    log = tmp_path / "main.log"
    with BranchLock(log) as first:
        with pytest.raises(BranchLocked, match="this very process"):
            BranchLock(log).acquire()
        with pytest.raises(BranchLocked, match="this very process"):
            first.acquire()
        with BranchLock(tmp_path / "other.log"):
            pass
    assert not first.held
    first.release()
    with BranchLock(log):
        pass


@pytest.mark.skipif(os.name == "nt", reason="a file that is open is not removed there")
def test_who_writes_is_told_without_touching_the_lock(tmp_path: Path) -> None:
    log, holder = tmp_path / "main.log", tmp_path / "main.holder"
    assert written_by(log) is None and not list(tmp_path.iterdir())
    with BranchLock(log):
        with pytest.raises(BranchLocked) as told:
            BranchLock(log).acquire()
        assert written_by(log) == told.value.message
        said = json.loads(holder.read_text())
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        holder.write_text(json.dumps(said | {"pid": gone.pid}))
        assert written_by(log) is None, "its process has ended"
        holder.write_text(json.dumps(said | {"pid": gone.pid, "host": "elsewhere"}))
        assert "on elsewhere" in (written_by(log) or ""), "nobody here can know"
        holder.write_text("")
        assert "has not yet said its name" in (written_by(log) or "")
    assert written_by(log) is None


@pytest.mark.skipif(os.name == "nt", reason="no process is looked for there")
def test_a_writer_that_belongs_to_another_user_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError

    with BranchLock(tmp_path / "main.log"):
        before = written_by(tmp_path / "main.log")
        monkeypatch.setattr(os, "kill", refuse)
        assert before is not None and written_by(tmp_path / "main.log") == before


@pytest.mark.skipif(os.name == "nt", reason="no process is looked for there")
@pytest.mark.parametrize("pid", ['"12"', "null", "true", "0", "-1", "1.5"])
def test_a_holder_that_names_no_process_has_not_said_its_name(tmp_path: Path, pid: str) -> None:
    """Its file may come from a stranger, with the world."""
    log, holder = tmp_path / "main.log", tmp_path / "main.holder"
    with BranchLock(log):
        said = json.loads(holder.read_text())
        said.pop("pid")
        holder.write_text(f'{json.dumps(said)[:-1]}, "pid": {pid}}}')
        assert "has not yet said its name" in (written_by(log) or "")
        holder.write_text(json.dumps(said | {"pid": 2**40}))
        assert written_by(log) is None, "no process has so high a number"
        holder.write_text("[" * 100_000)
        assert "has not yet said its name" in (written_by(log) or "")


def test_a_lock_that_is_swept_while_it_is_taken_has_one_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    log, real = tmp_path / "main.log", fcntl.flock
    swept: list[int] = []

    def sweep_first(file: int, how: int) -> None:
        if not swept and how & fcntl.LOCK_EX:
            swept.append(how)
            BranchLock(log).drop()
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    one, two = BranchLock(log), BranchLock(log)
    for lock in (one, two):
        with suppress(BranchLocked):
            lock.acquire()
    assert swept and one.held != two.held
    for lock in (one, two):
        lock.release()


def test_a_lock_taken_in_one_thread_is_given_back_in_another(tmp_path: Path) -> None:
    log = tmp_path / "main.log"
    lock = BranchLock(log)
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    with pytest.raises(BranchLocked):
        BranchLock(log).acquire()
    lock.release()
    with BranchLock(log):
        pass


HOLDER = """
import sys
from pathlib import Path
from aos_core.branches import BranchLock
with BranchLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_holds(log: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(log), "a word"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        try:
            yield child
        finally:
            child.stdin.close()
            child.wait()


def test_the_holder_is_named_across_processes(tmp_path: Path) -> None:
    log = tmp_path / "main.log"
    with another_process_holds(log) as child:
        with pytest.raises(BranchLocked) as caught:
            BranchLock(log).acquire()
        holder = json.loads((tmp_path / "main.holder").read_text())
    assert holder["pid"] == child.pid
    assert caught.value.message == f"branch main is being written by python, pid {child.pid}"
    where = {name: holder[name] for name in ("command", "host", "since")}
    assert caught.value.where == {"file": log, **where}
    assert where["command"] == f"python {log} 'a word'"
    assert caught.value.hint is not None
    with BranchLock(log):
        pass


def test_a_holder_on_another_machine_is_named_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BranchLock(tmp_path / "main.log"):
        monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
        with pytest.raises(BranchLocked) as caught:
            BranchLock(tmp_path / "main.log").acquire()
    pid, host = os.getpid(), caught.value.where["host"]
    assert caught.value.message.endswith(f", pid {pid} on {host}")


@pytest.mark.parametrize(
    ("started", "name"),
    [
        ("/venv/bin/aos-tui", "aos-tui"),
        ("/src/aos_tui/__main__.py", "aos-tui"),
        ("/lib/pytest/__main__.py", "pytest"),
        ("drivers/by_hand.py", "by_hand.py"),
        ("", "python"),
        ("-c", "python"),
    ],
)
def test_a_holder_is_called_as_people_call_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: str, name: str
) -> None:
    monkeypatch.setattr(sys, "argv", [started, "04"])
    with BranchLock(tmp_path / "main.log"):
        holder = json.loads((tmp_path / "main.holder").read_text())
    assert holder["command"] == f"{name} 04"


def test_a_dead_holder_keeps_nobody_out(tmp_path: Path) -> None:
    log = tmp_path / "main.log"
    with another_process_holds(log) as child:
        child.kill()
        child.wait()
        assert (tmp_path / "main.holder").exists()
        with BranchLock(log):
            assert json.loads((tmp_path / "main.holder").read_text())["pid"] == os.getpid()
    assert not (tmp_path / "main.holder").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}', "\x00"])
def test_an_unreadable_holder_file_is_no_obstacle(tmp_path: Path, text: str) -> None:
    log = tmp_path / "main.log"
    with BranchLock(log):
        (tmp_path / "main.holder").write_text(text)
        with pytest.raises(BranchLocked, match="another process"):
            BranchLock(log).acquire()


def test_a_lock_whose_holder_cannot_be_written_is_given_back(tmp_path: Path) -> None:
    log = tmp_path / "main.log"
    (tmp_path / "main.holder").mkdir()
    lock = BranchLock(log)
    with pytest.raises(DiskError, match="cannot be locked"):
        lock.acquire()
    assert not lock.held
    (tmp_path / "main.holder").rmdir()
    with BranchLock(log):
        pass


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (PermissionError(13, "Permission denied"), ReadOnly, "write permission in"),
        (OSError(30, "Read-only file system"), ReadOnly, "write permission in"),
        (OSError(28, "No space left on device"), DiskError, "free some space"),
        (OSError(5, "Input/output error"), DiskError, "try again"),
    ],
)
def test_what_the_disk_refuses_is_told_with_place_and_hint(
    tmp_path: Path, error: OSError, kind: type[ReadOnly | DiskError], hint: str
) -> None:
    with pytest.raises(kind) as caught, disk_errors(tmp_path / "x", "x cannot be written"):
        raise error
    assert caught.value.message == f"x cannot be written: {error.strerror}"
    assert caught.value.where["file"] == tmp_path / "x"
    assert hint in (caught.value.hint or "")
