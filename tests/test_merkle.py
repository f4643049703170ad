"""The Merkle map: against a dict, and against its definition written anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_core import merkle
from aos_core.merkle import MerkleMap


def colliding(nibbles: int) -> list[bytes]:
    """A few keys whose paths begin with the same ``nibbles``: what makes a trie deep."""
    groups: dict[str, list[bytes]] = {}
    for number in range(4000):
        key = number.to_bytes(2, "big")
        groups.setdefault(sha256(key).hexdigest()[:nibbles], []).append(key)
    return max(groups.values(), key=len)


CLOSE = [*colliding(3), *colliding(4), *colliding(5)]
KEYS = st.sampled_from(CLOSE) | st.binary(max_size=3)
MODELS = st.dictionaries(KEYS, st.binary(max_size=4), max_size=40)
CHANGES = st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=4)), max_size=60)


def build(model: Mapping[bytes, bytes]) -> MerkleMap[bytes]:
    result = MerkleMap[bytes]()
    for key, value in model.items():
        result = result.set(key, value)
    return result


def defined_root(model: Mapping[bytes, bytes]) -> bytes:
    """The root as journal-format.md defines it, computed from the content at once."""

    def node(group: list[tuple[bytes, bytes]], depth: int) -> bytes:
        if len(group) == 1:
            ((path, value),) = group
            return sha256(b"\x00" + path + sha256(value).digest()).digest()
        parts = [
            [item for item in group if int(item[0].hex()[depth], 16) == nibble]
            for nibble in range(16)
        ]
        bitmap = sum(1 << nibble for nibble, part in enumerate(parts) if part)
        children = b"".join(node(part, depth + 1) for part in parts if part)
        return sha256(b"\x01" + bitmap.to_bytes(2, "big") + children).digest()

    leaves = [(sha256(key).digest(), value) for key, value in model.items()]
    return node(leaves, 0) if leaves else bytes(32)


def test_keys_of_the_tests_make_a_deep_trie() -> None:
    assert len(colliding(5)) >= 2
    assert len({sha256(key).hexdigest()[:5] for key in colliding(5)}) == 1


@given(CHANGES)
def test_behaves_like_a_dict_and_has_the_defined_root(
    changes: list[tuple[bytes, bytes | None]],
) -> None:
    model: dict[bytes, bytes] = {}
    map = MerkleMap[bytes]()
    for key, value in changes:
        if value is None:
            model.pop(key, None)
            map = map.delete(key)
        else:
            model[key] = value
            map = map.set(key, value)
        assert map.root == defined_root(model)
        assert len(map) == len(model)
    assert dict(map.items()) == model
    for key, _ in changes:
        assert map.get(key) == model.get(key)
        assert (key in map) == (key in model)


@given(MODELS, st.data())
def test_the_order_of_insertion_never_matters(
    model: dict[bytes, bytes], data: st.DataObject
) -> None:
    one = build(model)
    order = data.draw(st.permutations(list(model)))
    detour = data.draw(st.lists(KEYS, max_size=10))
    other = build(dict.fromkeys([*detour, *order], b"old"))
    for key in order:
        other = other.set(key, model[key])
    for key in detour:
        if key not in model:
            other = other.delete(key)
    assert other.root == one.root
    assert list(other.items()) == list(one.items())


def test_worked_roots() -> None:
    assert MerkleMap[bytes]().root == bytes(32)
    leaf = sha256(b"\x00" + sha256(b"k").digest() + sha256(b"v").digest()).digest()
    assert build({b"k": b"v"}).root == leaf
    first, second = colliding(5)[:2]
    both = build({first: b"1", second: b"2"})
    assert both.delete(second).root == build({first: b"1"}).root, "one leaf has no branch above"


@given(MODELS, MODELS, MODELS)
def test_diff_is_exactly_the_keys_that_differ(
    common: dict[bytes, bytes], left: dict[bytes, bytes], right: dict[bytes, bytes]
) -> None:
    mine, theirs = common | left, common | right
    found = list(build(mine).diff(build(theirs)))
    expected = {
        key: (mine.get(key), theirs.get(key))
        for key in mine | theirs
        if mine.get(key) != theirs.get(key)
    }
    assert len(found) == len(expected)
    assert {key: (a, b) for key, a, b in found} == expected
    assert list(build(mine).diff(build(mine))) == []


@given(MODELS, CHANGES)
def test_older_maps_stay_as_they_were(
    model: dict[bytes, bytes], changes: list[tuple[bytes, bytes | None]]
) -> None:
    old = build(model)
    root = old.root
    map = old
    for key, value in changes:
        map = map.delete(key) if value is None else map.set(key, value)
    assert (dict(old.items()), old.root, build(dict(old.items())).root) == (model, root, root)


def test_deleting_what_is_not_there_gives_the_same_map() -> None:
    map = build({b"a": b"1", b"b": b"2"})
    assert map.delete(b"c") is map
    assert MerkleMap[bytes]().delete(b"c").root == bytes(32)


class Counted:
    """A value that counts how often its bytes are asked for."""

    asked = 0

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __bytes__(self) -> bytes:
        type(self).asked += 1
        return self.data


def test_bytes_of_a_value_are_asked_for_once_and_only_for_the_root() -> None:
    Counted.asked = 0
    map = MerkleMap[Counted]()
    for number in range(100):
        map = map.set(b"%d" % number, Counted(b""))
        map = map.set(b"%d" % number, Counted(b"x"))
    assert Counted.asked == 0
    root = map.root
    assert (Counted.asked, map.root) == (100, root)
    changed = map.set(b"7", Counted(b"y"))
    assert changed.root != root
    assert Counted.asked == 101, "what two maps share is hashed once"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    seen: list[bytes] = []

    def counting(data: bytes) -> bytes:
        seen.append(data)
        return sha256(data).digest()

    monkeypatch.setattr(merkle, "sha256", counting)
    yield seen


def test_a_change_costs_its_path_and_not_the_map(hashed: list[bytes]) -> None:
    map = build({b"%d" % number: b"" for number in range(5000)})
    assert map.root
    hashed.clear()
    changed = map.set(b"7", b"new")
    assert changed.root != map.root
    assert len(hashed) <= 12
    hashed.clear()
    assert list(map.diff(changed)) == [(b"7", b"", b"new")]
    assert hashed == []
