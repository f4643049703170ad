"""The installed program over ssh: a real server on this machine, a real client in a terminal."""

from __future__ import annotations

import base64
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aos_core.world import World
from tests.tui.terminal import (
    Terminal,
    asked_to_end,
    left_on,
    processes_of,
    stopped_verifier,
    until,
)

CHECKOUT = Path(__file__).parents[2]

SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {place}/host
PidFile none
AuthorizedKeysFile {place}/user.pub
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PrintMotd no
AcceptEnv COLORTERM LANG
SetEnv PYTHONPATH={here} XDG_STATE_HOME={state}
"""

CLIENT = """
Host here
HostName 127.0.0.1
Port {port}
User {user}
IdentityFile {place}/user
IdentitiesOnly yes
UserKnownHostsFile {place}/known
StrictHostKeyChecking yes
LogLevel ERROR
SendEnv COLORTERM LANG
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[list[str]]:
    """The words of ``ssh`` that run a program in a terminal of a server of our own."""
    # it is not on everyone's path, and wants to be named in full
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    sshd = shutil.which("sshd", path=path)
    if sshd is None or shutil.which("ssh") is None:
        pytest.skip("no OpenSSH here: it takes sshd and ssh")
    if os.getuid() == 0:  # the one thing that a server of root's wants to find outside
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    place = tmp_path / "ssh"
    place.mkdir()
    for key in ("host", "user"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / key)]
        subprocess.run(words, check=True)
    port, user = free_port(), getpass.getuser()
    of = (place / "host.pub").read_text("ascii")
    (place / "known").write_text(f"[127.0.0.1]:{port} {of}", "ascii")
    for name, text in (("server", SERVER), ("client", CLIENT)):
        state = os.environ["XDG_STATE_HOME"]
        filled = text.format(port=port, place=place, user=user, here=CHECKOUT, state=state)
        (place / name).write_text(filled, "utf-8")
    with (place / "log").open("wb") as log:
        server = subprocess.Popen([sshd, "-D", "-e", "-f", str(place / "server")], stderr=log)
        try:
            until(lambda: server.poll() is not None or answers(port), "sshd never listened")
            assert server.poll() is None, (place / "log").read_text("utf-8")
            yield ["ssh", "-tt", "-F", str(place / "client"), "here"]
        finally:
            server.terminate()
            server.wait()


def test_all_of_it_over_ssh(world: Path, ssh: list[str]) -> None:
    terminal = Terminal(world, 80, 24, within=ssh, LANG="C.UTF-8")
    try:
        terminal.wait("Nothing has happened yet.", "q quit")
        terminal.press("t")
        terminal.wait("h 16 live", "3 waiting")

        terminal.resize(120, 40)
        terminal.wait("h 16 live", until=lambda text: "q quit" in text.splitlines()[39])

        wide = terminal.wait("aggregator_plan #0 emit_b  cap")  # which a narrow one leaves out
        row = 1 + next(at for at, of in enumerate(wide.splitlines()) if " 2 GET" in of)
        terminal.press(f"\x1b[<0;62;{row}M\x1b[<0;62;{row}m")  # a click on its number
        terminal.press("r")
        terminal.wait("h 19 live", "receipt  GET /api/b")

        terminal.press("y")
        terminal.wait("copied")
        told = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", bytes(terminal.raw))
        copied = base64.b64decode(told[-1]).decode()
        assert copied == (world / ".aos/copied.txt").read_text("utf-8")

        terminal.press("R")
        terminal.wait("0 waiting", "Done")
        terminal.press("v")
        terminal.wait("chain ✓ verified")
        terminal.press("q")
        assert terminal.ended() == 0
        assert terminal.cooked, "what is typed is not echoed, or not taken line by line"
    finally:
        terminal.close()
    assert left_on(bytes(terminal.raw)) == []
    until(lambda: processes_of(world) == [], "a process stays behind")
    with World.open(world) as found:
        assert found.pending == [] and found.verify().ok


def test_a_connection_that_breaks_leaves_the_journal_and_nothing_else(
    world: Path, ssh: list[str]
) -> None:
    terminal = Terminal(world, 80, 24, within=ssh, LANG="C.UTF-8")
    try:
        terminal.wait("Nothing has happened yet.", "q quit")
        terminal.press("t")
        terminal.wait("h 16 live", "3 waiting")
        terminal.press("v")
        verifier = stopped_verifier(terminal, world)
        os.kill(terminal.pid, signal.SIGKILL)
        until(lambda: set(processes_of(world)) <= {verifier}, "the app stays behind")
        assert asked_to_end(verifier)
        until(lambda: processes_of(world) == [], "a process stays behind")
    finally:
        terminal.close()
    with World.open(world) as found:  # which takes the lock
        assert found.height == 16 and len(found.pending) == 3
        assert found.verify().ok
