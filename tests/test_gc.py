"""What no journal leads to is dropped; what one does stays, whatever happens meanwhile."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from aos_core import canon
from aos_core.branch_tree import delete_branch, restore_branch
from aos_core.canon import sha256
from aos_core.disk import FileDisk
from aos_core.errors import BranchLocked, StoreDamaged
from aos_core.files import WorldFiles
from aos_core.gc import Waste, collect, hashes_in, measure
from aos_core.index import Index
from aos_core.kernel.state import State
from aos_core.scenario import edited
from aos_core.snapshots import StoredSnapshots
from aos_core.store import SqliteStore
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, edit_json, log, numbered, release_all, start

BODY = b"an answer's body, kept beside the journal"
ORPHAN = b"nobody names this"
INNER = b"a blob that only another blob names"


@pytest.fixture
def used(world: Path) -> Path:
    """A world with two branches, a removed one, blobs, and snapshots after every other turn."""
    with (world / "world.toml").open("a", encoding="utf-8") as file:
        file.write("\n[snapshots]\nturns = 2\n")
    with World.open(world) as found:
        found.fire(EVENT, start())
        asked = found.height
        outer = f'{{"inner": "{canon.hash_text(found.store.put(INNER))}"}}'.encode()
        found.store.put_all([ORPHAN, outer])
        _answer(found, 1, BODY)
        _answer(found, 2, outer)
        with found.fork(asked, "side") as side:
            release_all(side, 3, 2, 1)
        with found.fork(asked, "other") as other:
            release_all(other, 2, 1)
        found.delete_branch("other")
        with found.fork(asked, "lost") as lost:
            release_all(lost)
            lost.history.catch_up()
    log(world, "lost").unlink()  # by hand: what was derived from it is left
    return world


def _answer(world: World, n: int, body: bytes) -> None:
    item = numbered(world, n)
    prepared = item.answer()
    payload = item.schema.to_host(item.schema.normalise(prepared.payload))
    payload["body_ref"] = canon.hash_text(world.store.put(body))
    world.deliver(edited(item, {"status": "ok", "payload": payload}))


def _never() -> State:
    raise AssertionError("nothing is damaged")


def _disk(world: Path) -> closing[FileDisk]:
    return closing(FileDisk(world / ".aos", write=True))


def _gc(world: Path) -> Waste:
    with _disk(world) as disk, disk.alone():
        waste = measure(disk, WorldFiles.read(world))
        collect(disk, waste)
    return waste


def _all_is_well(world: Path) -> None:
    with _disk(world) as disk:
        names = disk.branches()
        for blob in (BODY, INNER):
            assert disk.store.get(sha256(blob)) == blob
    for name in names:
        with World.open(world, name, write=False) as found:
            assert_replays(found)
            assert found.verify().ok


def test_what_nothing_names_goes_and_the_rest_stays(used: Path) -> None:
    with _disk(used) as disk:
        before = disk.store.sizes()
    waste = _gc(used)
    assert waste.objects == (sha256(ORPHAN),)
    assert waste.branches == ("other",) and waste.snapshots and waste.nodes
    assert waste.rows > 1 and waste.offsets == 1 and waste.locks == 2
    with _disk(used) as disk:
        assert disk.store.sizes().keys() == before.keys() - {sha256(ORPHAN)}
        assert disk.branches() == ["main", "side"] and disk.removed() == []
        with pytest.raises(StoreDamaged):
            disk.store.get(sha256(ORPHAN))
    _all_is_well(used)
    assert not _gc(used), "nothing is left"


def _locks(world: Path) -> list[str]:
    return sorted(path.stem for path in (world / ".aos/journal").glob("*.lock"))


def test_locks_of_branches_that_are_gone_go_but_for_one_that_is_held(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        for name in ("killed~unfinished", "new", "deleted"):
            found.fork(found.height, name).close()
        found.delete_branch("deleted")
        found.delete_branch("killed~unfinished")
    with World.open(world, "new") as held:
        log(world, "new").unlink()  # under somebody who holds it, and puts it back
        (world / ".aos/journal/no name.lock").touch()
        assert _gc(world).locks == 3
        assert _locks(world) == ["main", "new", "no name"], "one that is held stays"
        held.put_back()
        with pytest.raises(BranchLocked):
            World.open(world, "new")
    with World.open(world, "new") as found:
        assert found.verify().ok
    assert not _gc(world)


def test_a_dry_run_changes_nothing(used: Path) -> None:
    def everything() -> dict[str, bytes]:
        files = (path for path in (used / ".aos").rglob("*") if path.is_file())
        return {str(of): of.read_bytes() for of in files if of.suffix in (".log", ".db")}

    before = everything()
    with closing(FileDisk(used / ".aos", write=False)) as disk:
        waste = measure(disk, WorldFiles.read(used))
    assert waste and everything() == before
    assert waste == _gc(used)


def test_snapshots_of_no_branch_go_with_what_only_they_need(used: Path) -> None:
    def rows() -> tuple[int, int]:
        with _disk(used) as disk:
            snapshots = disk.snapshots
            assert isinstance(snapshots, StoredSnapshots)
            return (
                len(snapshots._all("SELECT head FROM snapshots")),
                len(snapshots._all("SELECT hash FROM nodes")),
            )

    before, waste = rows(), _gc(used)
    after = rows()
    assert after == (before[0] - waste.snapshots, before[1] - waste.nodes)
    assert after[0] > 0, "those of living branches stay"
    with _disk(used) as disk, World.open(used, write=False) as found:
        kept = [
            disk.snapshots.load(frame, found.program_of, _never)
            for frame in found.frames
            if disk.snapshots.before(frame.last_height) == frame.last_height
        ]
        assert any(kept)
        for state, _ in filter(None, kept):
            parts = [*state.cells.values(), state.plans, state.pending]
            assert [list(part.items()) for part in parts]  # type: ignore[attr-defined]


def test_a_removed_branch_that_another_needs_stays(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        with found.fork(found.height, "parent") as parent:
            release_all(parent, 1)
            parent.fork(parent.height, "child").close()
    with _disk(world) as disk:
        delete_branch(disk, "child")
        delete_branch(disk, "parent")
        disk.bring_back("child")  # by hand: restore_branch would want its parent first
    waste = _gc(world)
    assert waste.kept == (("parent", "child"),) and waste.branches == ()
    with _disk(world) as disk:
        restore_branch(disk, "parent")
    with World.open(world, "child") as found:
        release_all(found)
        assert_replays(found)


def test_what_an_older_manifest_lists_stays(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        policy = world / "air/policy.air.json"
        text = policy.read_text("utf-8")
        edit_json(policy, '"allow"', '"deny"')
        found.swap()
        policy.write_text(text.replace('"deny"', '"allow"'), "utf-8")
    assert _gc(world).objects == ()
    with World.open(world) as found:
        assert_replays(found)


def test_what_a_damaged_or_unfinished_frame_names_stays(used: Path) -> None:
    path = log(used)
    data = path.read_bytes()
    name = canon.hash_text(sha256(BODY)).encode()
    at = data.index(name)
    path.write_bytes(data[: at - 40] + bytes([data[at - 40] ^ 1]) + data[at - 39 :])
    with _disk(used) as disk:
        torn = disk.store.put(b"named by an unfinished frame")
    aside = used / ".aos/journal/main.torn-1"
    aside.write_bytes(b"...X " + torn + b"...")
    assert _gc(used).objects == (sha256(ORPHAN),)
    assert aside.exists()
    with _disk(used) as disk:
        assert disk.store.has(sha256(BODY)) and disk.store.has(torn)


def test_who_writes_a_branch_is_named(used: Path) -> None:
    with World.open(used, "side"), _disk(used) as disk:
        with pytest.raises(BranchLocked, match="branch side is being written") as of, disk.alone():
            pass
        assert "gc" in (of.value.hint or "")
    with _disk(used) as disk, disk.alone(), pytest.raises(BranchLocked):
        World.open(used, "main")


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        (FileDisk, "discard"),
        (SqliteStore, "drop"),
        (StoredSnapshots, "sweep"),
        (Index, "sweep"),
        (FileDisk, "stale_offsets"),
        (FileDisk, "drop_lock"),
        (SqliteStore, "compact"),
    ],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_broken_off_between_steps_nothing_is_lost(
    used: Path, owner: type, step: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(owner, step)

    def broken(*args: object) -> None:
        if after:
            real(*args)
        raise KeyboardInterrupt

    with _disk(used) as disk, disk.alone():
        waste = measure(disk, WorldFiles.read(used))
        with monkeypatch.context() as patch:
            patch.setattr(owner, step, broken)
            with pytest.raises(KeyboardInterrupt):
                collect(disk, waste)
    _all_is_well(used)
    _gc(used)
    _all_is_well(used)
    assert not _gc(used)


def test_hashes_are_found_wherever_they_stand() -> None:
    one, two = sha256(b"1"), sha256(b"2")
    nested = canon.encode_plain(
        {"a": canon.encode_plain([one]), "b": f"see {canon.hash_text(two)}"}
    )
    assert {one, two} <= set(hashes_in(nested))
    assert one in set(hashes_in(b"X X " + b"X " + one))
    assert list(hashes_in(canon.hash_text(two).upper().replace("SHA", "sha").encode())) == [two]
    assert list(hashes_in(b"X too short, sha256:12")) == []
