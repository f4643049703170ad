"""``MerkleMap``: a persistent map from bytes to values with a cached root hash.

A 16-ary trie. The path of a key is SHA-256 of its bytes, walked nibble by nibble. Hashes
(journal-format.md, 7)::

    leaf    SHA-256(00 | path | SHA-256(value bytes))
    branch  SHA-256(01 | u16 big-endian bitmap of children | their hashes in order)
    empty   32 zero bytes

A branch never has a single leaf below it, so the shape and the root depend on the content alone.
Values are ``bytes`` or objects with ``__bytes__``: their bytes are asked for only when the root
is, so a turn may replace a value many times and pays for the last one. Nothing is ever changed
in place: every map stays valid for ever, and two maps share what they have in common.

A map can be kept node by node (snapshots.py) and loaded again, each node when it is first needed::

    kept leaf    00 | u32 little-endian length of the key | key | value bytes
    kept branch  01 | bitmap | hashes, of which the hash is SHA-256

What is loaded is checked against the hash it was asked for by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Generic, SupportsBytes, TypeAlias, TypeVar

from aos_core.canon import ZERO_HASH, hash_text, sha256
from aos_core.errors import StoreDamaged

V = TypeVar("V", bound=SupportsBytes)


class BadNode(StoreDamaged):
    """Kept bytes are not the node of the hash they were kept under, or are not there."""

    code = "snapshot_damaged"

    def __init__(self, digest: bytes) -> None:
        super().__init__(
            f"a part of a kept state is missing or altered: {hash_text(digest)}",
            hint="nothing is lost: delete .aos/snapshots.db, and turns are run again instead",
        )


class _Leaf(Generic[V]):
    __slots__ = ("_hash", "kept", "key", "path", "value")

    def __init__(self, path: bytes, key: bytes, value: V) -> None:
        self.path = path
        self.key = key
        self.value = value
        self.kept = False
        self._hash: bytes | None = None

    def to_bytes(self) -> bytes:
        return b"\x00" + len(self.key).to_bytes(4, "little") + self.key + bytes(self.value)

    def hash(self) -> bytes:
        if self._hash is None:
            self._hash = sha256(b"\x00" + self.path + sha256(bytes(self.value)))
        return self._hash


class _Branch(Generic[V]):
    __slots__ = ("_hash", "_size", "bitmap", "children", "kept")

    def __init__(self, bitmap: int, children: tuple[_Child[V], ...]) -> None:
        self.bitmap = bitmap
        self.children = children
        self.kept = False
        self._size: int | None = None
        self._hash: bytes | None = None

    @property
    def size(self) -> int:
        if self._size is None:
            self._size = sum(_size(_there(child)) for child in self.children)
        return self._size

    def hash(self) -> bytes:
        if self._hash is None:
            self._hash = sha256(self.to_bytes())
        return self._hash

    def to_bytes(self) -> bytes:
        parts = [b"\x01", self.bitmap.to_bytes(2, "big")]
        parts.extend(child.hash() for child in self.children)
        return b"".join(parts)

    def child(self, nibble: int) -> _Node[V] | None:
        found = self.kept_child(nibble)
        return None if found is None else _there(found)

    def kept_child(self, nibble: int) -> _Child[V] | None:
        """The child as it is: perhaps not loaded yet."""
        if not self.bitmap >> nibble & 1:
            return None
        return self.children[self._index(nibble)]

    def replace(self, nibble: int, child: _Child[V] | None) -> _Branch[V]:
        index, bit = self._index(nibble), 1 << nibble
        before, after = self.children[:index], self.children[index + bool(self.bitmap & bit) :]
        if child is None:
            return _Branch(self.bitmap & ~bit, before + after)
        return _Branch(self.bitmap | bit, (*before, child, *after))

    def _index(self, nibble: int) -> int:
        return (self.bitmap & ((1 << nibble) - 1)).bit_count()


class _Stub(Generic[V]):
    """A node that is kept and not loaded yet."""

    __slots__ = ("_digest", "_from", "_node")

    def __init__(self, digest: bytes, source: Source[V]) -> None:
        self._digest, self._from = digest, source
        self._node: _Node[V] | None = None

    def hash(self) -> bytes:
        return self._digest

    def load(self) -> _Node[V]:
        if self._node is None:
            self._node = self._from.node(self._digest)
        return self._node


_Node: TypeAlias = "_Leaf[V] | _Branch[V]"
_Child: TypeAlias = "_Leaf[V] | _Branch[V] | _Stub[V]"


class Source(Generic[V]):
    """Where the nodes of a map are kept: ``get`` gives the bytes of a hash, and raises what it
    likes; ``decode`` makes a value of its key and its bytes. ``again`` makes the map once more,
    without what is kept: where a node is missing or altered, that of the same hash is taken from
    there."""

    __slots__ = ("_made", "again", "decode", "get")

    def __init__(
        self,
        get: Callable[[bytes], bytes],
        decode: Callable[[bytes, bytes], V],
        again: Callable[[], MerkleMap[V]] | None = None,
    ) -> None:
        self.get, self.decode, self.again = get, decode, again
        self._made: dict[bytes, _Node[V]] = {}

    def node(self, digest: bytes) -> _Node[V]:
        """The node of a hash. Raises :class:`BadNode` where it is nowhere."""
        try:
            return _parse(self.get(digest), digest, self)
        except BadNode:
            if self.again is None:
                raise
        if not self._made:
            self._made = {node.hash(): node for node in _nodes(self.again()._node)}
        if digest not in self._made:
            raise BadNode(digest)
        return self._made[digest]


def _there(child: _Child[V]) -> _Node[V]:
    return child.load() if isinstance(child, _Stub) else child


def _parse(data: bytes, digest: bytes, source: Source[V]) -> _Node[V]:
    """The node of kept bytes. Raises :class:`BadNode`."""
    node: _Node[V]
    if data[:1] == b"\x01" and sha256(data) == digest:
        bitmap = int.from_bytes(data[1:3], "big")
        stubs = tuple(_Stub(data[at : at + 32], source) for at in range(3, len(data), 32))
        node = _Branch(bitmap, stubs)
    else:
        length = int.from_bytes(data[1:5], "little")
        key, value = data[5 : 5 + length], data[5 + length :]
        path = sha256(key)
        if data[:1] != b"\x00" or sha256(b"\x00" + path + sha256(value)) != digest:
            raise BadNode(digest)
        node = _Leaf(path, key, source.decode(key, value))
    node.kept, node._hash = True, digest
    return node


def children_of(data: bytes, digest: bytes) -> list[bytes]:
    """The hashes of the nodes right below a kept one: of a leaf none. Raises :class:`BadNode`."""
    source = Source[bytes](lambda _: b"", lambda _, value: value)
    node = _parse(data, digest, source)
    return [child.hash() for child in node.children] if isinstance(node, _Branch) else []


class MerkleMap(Generic[V]):
    """An immutable map with a root hash; ``set`` and ``delete`` give a new map, O(log n)."""

    __slots__ = ("_node",)

    def __init__(self, _node: _Node[V] | None = None) -> None:
        self._node = _node

    @classmethod
    def load(cls, root: bytes, source: Source[V]) -> MerkleMap[V]:
        """The map of a root whose nodes are kept. Raises :class:`BadNode`, and what ``source``
        raises; any later use may, since nodes are loaded as they are needed. Only those below the
        root are made again where they are damaged."""
        return cls(None if root == ZERO_HASH else _parse(source.get(root), root, source))

    def unkept(self) -> list[_Node[V]]:
        """The nodes that were not kept yet, children first: what has changed since. Each has
        ``hash()`` and ``to_bytes()``; set ``kept`` when it is."""
        found: list[_Node[V]] = []
        _collect(self._node, found)
        return found

    @property
    def root(self) -> bytes:
        """The root hash, 32 bytes; cached, so it costs only what changed."""
        return ZERO_HASH if self._node is None else self._node.hash()

    def __len__(self) -> int:
        return _size(self._node)

    def __bool__(self) -> bool:
        return self._node is not None

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


def _size(node: _Node[V] | None) -> int:
    if node is None:
        return 0
    return node.size if isinstance(node, _Branch) else 1


def _nibble(path: bytes, depth: int) -> int:
    byte = path[depth >> 1]
    return byte & 15 if depth & 1 else byte >> 4


def _insert(node: _Node[V] | None, leaf: _Leaf[V], depth: int) -> _Node[V]:
    if node is None:
        return leaf
    if isinstance(node, _Leaf):
        if node.path == leaf.path:
            return leaf
        alone: _Branch[V] = _Branch(1 << _nibble(node.path, depth), (node,))
        return _insert(alone, leaf, depth)
    nibble = _nibble(leaf.path, depth)
    return node.replace(nibble, _insert(node.child(nibble), leaf, depth + 1))


def _remove(node: _Node[V] | None, path: bytes, depth: int) -> _Node[V] | None:
    if node is None or isinstance(node, _Leaf):
        return None
    nibble = _nibble(path, depth)
    rest = node.replace(nibble, _remove(node.child(nibble), path, depth + 1))
    if rest.bitmap == 0:
        return None
    if len(rest.children) == 1 and isinstance(only := _there(rest.children[0]), _Leaf):
        return only
    return rest


def _collect(node: _Child[V] | None, found: list[_Node[V]]) -> None:
    if node is None or isinstance(node, _Stub) or node.kept:
        return
    if isinstance(node, _Branch):
        for child in node.children:
            _collect(child, found)
    found.append(node)


def _nodes(node: _Node[V] | None) -> Iterator[_Node[V]]:
    if node is None:
        return
    if isinstance(node, _Branch):
        for child in node.children:
            yield from _nodes(_there(child))
    yield node


def _leaves(node: _Node[V] | None) -> Iterator[_Leaf[V]]:
    if isinstance(node, _Branch):
        for child in node.children:
            yield from _leaves(_there(child))
    elif node is not None:
        yield node


def _diff(
    mine: _Child[V] | None, theirs: _Child[V] | None, depth: int
) -> Iterator[tuple[bytes, V | None, V | None]]:
    if mine is theirs or (mine and theirs and mine.hash() == theirs.hash()):
        return
    old = None if mine is None else _there(mine)
    new = None if theirs is None else _there(theirs)
    if isinstance(old, _Branch) or isinstance(new, _Branch):
        for nibble in range(16):
            yield from _diff(_below(old, nibble, depth), _below(new, nibble, depth), depth + 1)
    elif old is not None and new is not None and old.path == new.path:
        yield old.key, old.value, new.value
    else:
        if old is not None:
            yield old.key, old.value, None
        if new is not None:
            yield new.key, None, new.value


def _below(node: _Node[V] | None, nibble: int, depth: int) -> _Child[V] | None:
    if isinstance(node, _Branch):
        return node.kept_child(nibble)
    return node if node is not None and _nibble(node.path, depth) == nibble else None
