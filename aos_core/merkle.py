"""``MerkleMap``: a persistent map from bytes to values with a cached root hash.

A 16-ary trie. The path of a key is SHA-256 of its bytes, walked nibble by nibble. Hashes
(journal.md, *State and root*)::

    leaf    SHA-256(00 | path | SHA-256(value bytes))
    branch  SHA-256(01 | u16 big-endian bitmap of children | their hashes in order)
    empty   32 zero bytes

A branch never has a single leaf below it, so the shape and the root depend on the content alone.
Values are ``bytes`` or objects with ``__bytes__``: their bytes are asked for only when the root
is, so a turn may replace a value many times and pays for the last one. Nothing is ever changed
in place: every map stays valid for ever, and two maps share what they have in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Generic, SupportsBytes, TypeVar

from aos_core.canon import ZERO_HASH, sha256

V = TypeVar("V", bound=SupportsBytes)


class _Leaf(Generic[V]):
    __slots__ = ("_hash", "key", "path", "value")

    def __init__(self, path: bytes, key: bytes, value: V) -> None:
        self.path = path
        self.key = key
        self.value = value
        self._hash: bytes | None = None

    def hash(self) -> bytes:
        if self._hash is None:
            self._hash = sha256(b"\x00" + self.path + sha256(bytes(self.value)))
        return self._hash


class _Branch(Generic[V]):
    __slots__ = ("_hash", "bitmap", "children", "size")

    def __init__(self, bitmap: int, children: tuple[_Leaf[V] | _Branch[V], ...]) -> None:
        self.bitmap = bitmap
        self.children = children
        self.size = sum(_size(child) for child in children)
        self._hash: bytes | None = None

    def hash(self) -> bytes:
        if self._hash is None:
            parts = [b"\x01", self.bitmap.to_bytes(2, "big")]
            parts.extend(child.hash() for child in self.children)
            self._hash = sha256(b"".join(parts))
        return self._hash

    def child(self, nibble: int) -> _Leaf[V] | _Branch[V] | None:
        if not self.bitmap >> nibble & 1:
            return None
        return self.children[self._index(nibble)]

    def replace(self, nibble: int, child: _Leaf[V] | _Branch[V] | None) -> _Branch[V]:
        index, bit = self._index(nibble), 1 << nibble
        before, after = self.children[:index], self.children[index + bool(self.bitmap & bit) :]
        if child is None:
            return _Branch(self.bitmap & ~bit, before + after)
        return _Branch(self.bitmap | bit, (*before, child, *after))

    def _index(self, nibble: int) -> int:
        return (self.bitmap & ((1 << nibble) - 1)).bit_count()


class MerkleMap(Generic[V]):
    """An immutable map with a root hash; ``set`` and ``delete`` give a new map, O(log n)."""

    __slots__ = ("_node",)

    def __init__(self, _node: _Leaf[V] | _Branch[V] | None = None) -> None:
        self._node = _node

    @property
    def root(self) -> bytes:
        """The root hash, 32 bytes; cached, so it costs only what changed."""
        return ZERO_HASH if self._node is None else self._node.hash()

    def __len__(self) -> int:
        return _size(self._node)

    def __contains__(self, key: bytes) -> bool:
        return self.get(key) is not None

    def get(self, key: bytes) -> V | None:
        """The value at ``key``, or None."""
        path = _path(key)
        node, depth = self._node, 0
        while isinstance(node, _Branch):
            node = node.child(_nibble(path, depth))
            depth += 1
        return node.value if node is not None and node.path == path else None

    def set(self, key: bytes, value: V) -> MerkleMap[V]:
        """The map with ``value`` at ``key``."""
        return MerkleMap(_insert(self._node, _Leaf(_path(key), key, value), 0))

    def delete(self, key: bytes) -> MerkleMap[V]:
        """The map without ``key``; the same map if it is not there."""
        if self.get(key) is None:
            return self
        return MerkleMap(_remove(self._node, _path(key), 0))

    def items(self) -> Iterator[tuple[bytes, V]]:
        """All (key, value), in the order of their paths: the order of content, not of insertion."""
        return ((leaf.key, leaf.value) for leaf in _leaves(self._node))

    def diff(self, other: MerkleMap[V]) -> Iterator[tuple[bytes, V | None, V | None]]:
        """(key, mine, theirs) where the two differ; walks only what differs."""
        return _diff(self._node, other._node, 0)


@lru_cache(maxsize=4096)
def _path(key: bytes) -> bytes:
    """Where a key lies. A turn asks for the same few keys again and again: 0.1 us, not 0.6."""
    return sha256(key)


def _size(node: _Leaf[V] | _Branch[V] | None) -> int:
    if node is None:
        return 0
    return node.size if isinstance(node, _Branch) else 1


def _nibble(path: bytes, depth: int) -> int:
    byte = path[depth >> 1]
    return byte & 15 if depth & 1 else byte >> 4


def _insert(
    node: _Leaf[V] | _Branch[V] | None, leaf: _Leaf[V], depth: int
) -> _Leaf[V] | _Branch[V]:
    if node is None:
        return leaf
    if isinstance(node, _Leaf):
        if node.path == leaf.path:
            return leaf
        alone = _Branch[V](1 << _nibble(node.path, depth), (node,))
        return _insert(alone, leaf, depth)
    nibble = _nibble(leaf.path, depth)
    return node.replace(nibble, _insert(node.child(nibble), leaf, depth + 1))


def _remove(
    node: _Leaf[V] | _Branch[V] | None, path: bytes, depth: int
) -> _Leaf[V] | _Branch[V] | None:
    if node is None or isinstance(node, _Leaf):
        return None
    nibble = _nibble(path, depth)
    rest = node.replace(nibble, _remove(node.child(nibble), path, depth + 1))
    if rest.bitmap == 0:
        return None
    if len(rest.children) == 1 and isinstance(rest.children[0], _Leaf):
        return rest.children[0]
    return rest


def _leaves(node: _Leaf[V] | _Branch[V] | None) -> Iterator[_Leaf[V]]:
    if isinstance(node, _Branch):
        for child in node.children:
            yield from _leaves(child)
    elif node is not None:
        yield node


def _diff(
    mine: _Leaf[V] | _Branch[V] | None, theirs: _Leaf[V] | _Branch[V] | None, depth: int
) -> Iterator[tuple[bytes, V | None, V | None]]:
    if mine is theirs or (mine and theirs and mine.hash() == theirs.hash()):
        return
    if isinstance(mine, _Branch) or isinstance(theirs, _Branch):
        for nibble in range(16):
            yield from _diff(_below(mine, nibble, depth), _below(theirs, nibble, depth), depth + 1)
    elif mine is not None and theirs is not None and mine.path == theirs.path:
        yield mine.key, mine.value, theirs.value
    else:
        if mine is not None:
            yield mine.key, mine.value, None
        if theirs is not None:
            yield theirs.key, None, theirs.value


def _below(
    node: _Leaf[V] | _Branch[V] | None, nibble: int, depth: int
) -> _Leaf[V] | _Branch[V] | None:
    if isinstance(node, _Branch):
        return node.child(nibble)
    return node if node is not None and _nibble(node.path, depth) == nibble else None
