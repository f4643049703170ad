"""The bytes of a journal, format 1: bodies to bytes and back. No files, no clock.

``docs/journal-format.md`` has all of it. It is frozen: what is written today is read for ever.

A frame is ``length u32 LE | payload | CRC-32C u32 LE over length and payload | length u32 LE``, so
a file can be read from both ends. The payload is plain canonical CBOR, a map ``{height, prev,
input, records, root}``: ``height`` of its first record, ``prev`` the SHA-256 of the payload before,
``root`` the state after its records. The first frame is the header: ``{format, semantics, ...,
height: 0, records: [genesis], root}``, or for a fork ``{..., parent: {head, height}, height: parent
height + 1, prev: parent head, records: [], root}``.

What is not a good frame is one of two things:

- **torn**: bytes at the end that stop short of the frame they announce, or zeros only: an append
  that never returned. But if a whole frame ends exactly where the bytes end, then nothing is
  missing, the announcement is wrong, and that is damage.
- **damage**: everything else. The frames before it are good.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

from crc32c import crc32c

from aos_core import canon
from aos_core.errors import CanonError, UsageError, WorldError

FORMAT = 1
SEMANTICS = 1
MAX_PAYLOAD = 2**32 - 1
"""Longest payload, in bytes: what the length field of a frame can say."""

_U32 = struct.Struct("<I")
FRAME_OVERHEAD = 3 * _U32.size
"""What a frame has beside its payload, in bytes."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One turn as it lies on the disk, decoded. ``hash`` is the journal's head after it."""

    payload: bytes
    body: Mapping[str, Any]
    offset: int
    hash: bytes

    @property
    def height(self) -> int:
        """The height of the first record."""
        return cast(int, self.body["height"])

    @property
    def last_height(self) -> int:
        """The height of the last record; a fork's header, which has none, stands at its parent."""
        return self.height + len(self.body["records"]) - 1

    @property
    def records(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self.body["records"])

    @property
    def root(self) -> bytes:
        """The state's root after the last record, 32 bytes."""
        return cast(bytes, self.body["root"])

    @property
    def prev(self) -> bytes | None:
        """The head before this frame, 32 bytes; None in the header of a world without parent."""
        return self.body.get("prev")

    @property
    def is_header(self) -> bool:
        return "format" in self.body

    @property
    def end(self) -> int:
        """The offset of the byte after this frame."""
        return self.offset + len(self.payload) + FRAME_OVERHEAD


class BadFrame(Exception):
    """What is wrong with a frame, as half a sentence."""


def new_frame(body: Mapping[str, Any], last: Frame | None) -> Frame:
    """The frame of ``body`` after ``last`` (None: the header). Raises :class:`UsageError`."""
    return own_frame(canon.encode_plain(dict(body)), last)


def own_frame(payload: bytes, last: Frame | None) -> Frame:
    """As :func:`new_frame`, of a payload that this process has encoded: that it is canonical need
    not be found out again, which takes four times as long as to read it."""
    if len(payload) > MAX_PAYLOAD:
        raise UsageError(f"a frame of {len(payload)} bytes is too long", code="frame_too_long")
    try:
        offset = last.end if last else 0
        frame = _shaped(payload, canon.decode_own(payload), offset)
        if last is not None:
            _check_chain(frame.body, last)
        return frame
    except BadFrame as bad:
        raise UsageError(f"this frame cannot come here: {bad}", code="bad_frame") from None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the bytes after the good frames. ``whole``: length and checksum fit, so
    they were written as they are; else an append that power cut off may have left them."""

    text: str
    whole: bool


def scan(data: bytes, offset: int, last: Frame | None) -> tuple[list[Frame], Problem | None]:
    """The good frames that ``data``, at ``offset`` in its file, begins with, and what is wrong
    with the bytes after them: None if there are none, or only unfinished ones.

    Raises :class:`WorldError` for a header of a format or semantics we do not know.
    """
    frames: list[Frame] = []
    at, whole = 0, False
    try:
        while (payload := _payload_at(data, at)) is not None:
            whole = True
            last = _frame(payload, offset + at, last)
            frames.append(last)
            at, whole = last.end - offset, False
    except BadFrame as bad:
        return frames, Problem(str(bad), whole)
    return frames, None


def read_frame(data: bytes, offset: int, height: int) -> Frame:
    """The frame that ``data`` hold whole, at ``offset`` in its file; its first record is at
    ``height``. What comes before it is not looked at. Raises :class:`BadFrame`."""
    payload = _payload_at(data, 0)
    if payload is None or len(payload) + FRAME_OVERHEAD != len(data):
        raise BadFrame("the length of the frame is wrong")
    frame = _decoded(payload, offset)
    if frame.height != height:
        raise BadFrame(f"its height is {frame.height}, not {height}")
    return frame


def check_follows(frame: Frame, last: Frame) -> None:
    """Raise :class:`BadFrame` where ``frame`` does not follow ``last``: hash chain and height."""
    _check_chain(frame.body, last)


def pack(payload: bytes) -> bytes:
    length = _U32.pack(len(payload))
    return length + payload + _U32.pack(crc32c(payload, crc32c(length))) + length


def _payload_at(data: bytes, at: int) -> bytes | None:
    """The payload of the frame at ``at``; None if the data end before that frame does."""
    rest = len(data) - at
    length = _u32(data, at) if rest >= _U32.size else 0
    if length == 0 and not data[at:].strip(b"\0"):
        return None  # a file system may lengthen a file before it writes what belongs there
    if rest < length + FRAME_OVERHEAD:
        if _ends_with_frame(data, at):
            raise BadFrame("the length of the frame is wrong")
        return None
    crc_at = at + _U32.size + length
    payload = data[at + _U32.size : crc_at]
    if not _crc_fits(length, payload, _u32(data, crc_at)):
        raise BadFrame("the checksum of the frame does not fit")
    if _u32(data, crc_at + _U32.size) != length:
        raise BadFrame("the two lengths of the frame differ")
    return payload


def _ends_with_frame(data: bytes, at: int) -> bool:
    """Whether a whole frame that starts at ``at`` or later ends exactly where ``data`` end.

    Then the bytes from ``at`` on are no torn frame: only its beginning could be there.
    """
    if len(data) - at < FRAME_OVERHEAD:
        return False
    crc_at, length_at = len(data) - 2 * _U32.size, len(data) - _U32.size
    length = _u32(data, length_at)
    start = crc_at - length
    return start >= at + _U32.size and _crc_fits(length, data[start:crc_at], _u32(data, crc_at))


def _crc_fits(length: int, payload: bytes, crc: int) -> bool:
    return crc32c(payload, crc32c(_U32.pack(length))) == crc


def _u32(data: bytes, at: int) -> int:
    return cast(int, _U32.unpack_from(data, at)[0])


def _frame(payload: bytes, offset: int, last: Frame | None) -> Frame:
    """The frame of ``payload``, checked to follow ``last``. Raises :class:`BadFrame`."""
    frame = _decoded(payload, offset)
    if last is not None:
        _check_chain(frame.body, last)
    return frame


def _decoded(payload: bytes, offset: int) -> Frame:
    """The frame of ``payload``, which is a header where it lies at the beginning."""
    try:
        body = canon.decode(payload)
    except CanonError as error:
        raise BadFrame(f"its payload is {error.message}") from None
    return _shaped(payload, body, offset)


def _shaped(payload: bytes, body: Any, offset: int) -> Frame:
    """The frame of a payload and what it holds. Raises :class:`BadFrame` for another form."""
    if not isinstance(body, dict):
        raise BadFrame("its payload is not a map")
    if offset == 0:
        _check_numbers(body)
    _check_shape(body)
    if offset == 0:
        _check_header(body)
    return Frame(payload, body, offset, canon.sha256(payload))


def _check_numbers(header: Mapping[str, Any]) -> None:
    for name, known in (("format", FORMAT), ("semantics", SEMANTICS)):
        number = header.get(name)
        if type(number) is not int:
            raise BadFrame(f"the header has no {name} number")
        if number != known:
            raise WorldError(
                f"{name} {number} is not known to this version, which knows {name} {known}",
                hint="use the version of aos that wrote it",
                code=f"unknown_{name}",
            )


def _check_shape(body: Mapping[str, Any]) -> None:
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise BadFrame("its records are not a list of maps")
    if not _is_height(body.get("height")):
        raise BadFrame("its height is not a number")
    if "format" not in body and not isinstance(body.get("input"), dict):
        raise BadFrame("its input is not a map")
    if not _is_hash(body.get("root")):
        raise BadFrame("its root is not a hash")


def _check_header(header: Mapping[str, Any]) -> None:
    parent = header.get("parent")
    if parent is None:
        if header["height"] != 0 or not header["records"] or "prev" in header:
            raise BadFrame("a header has height 0, the genesis record, and nothing before it")
        return
    if not isinstance(parent, dict):
        raise BadFrame("its parent is not a map")
    head, height = parent.get("head"), parent.get("height")
    if not _is_hash(head) or not _is_height(height):
        raise BadFrame("its parent is not {head, height}")
    if header["records"] or header["height"] != height + 1 or header.get("prev") != head:
        raise BadFrame("the header of a fork has no records and follows on its parent's height")


def _check_chain(body: Mapping[str, Any], last: Frame) -> None:
    if "format" in body:
        raise BadFrame("it is a second header")
    if body.get("prev") != last.hash:
        raise BadFrame("it does not follow the frame before it (prev)")
    if body["height"] != last.last_height + 1:
        raise BadFrame(f"its height is {body['height']}, not {last.last_height + 1}")
    if not body["records"]:
        raise BadFrame("it has no records")


def _is_height(value: object) -> TypeGuard[int]:
    return type(value) is int and value >= 0


def _is_hash(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == 32
