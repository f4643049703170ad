"""Every byte of a journal explained, line by line: ``python docs/annotate_journal.py FILE`` prints
it for a journal, and without a file brings the example of ``journal-format.md`` up to date.

Needs the standard library only.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE / "journal-format.md"
VECTORS = HERE.parent / "tests/golden/journal-v1.json"
BEGIN, END = "<!-- example, by annotate_journal.py -->\n", "<!-- end of the example -->"

_KINDS = ("unsigned", "negative", "bytes", "text", "list", "map")
_SIMPLE = {20: "false", 21: "true", 22: "null"}
_FLOATS = {25: "half", 26: "single", 27: "double"}
_WIDTH = 16
"""So many bytes stand in a line."""


def annotate(data: bytes) -> Iterator[str]:
    """The lines for a journal that is whole."""
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        payload = data[at + 4 : at + 4 + length]
        yield f"-- frame at offset {at}"
        yield from _line(at, data[at : at + 4], 0, f"length of the payload: {length}")
        end, lines = _item(data, at + 4, 0)
        assert end == at + 4 + length
        yield from lines
        yield from _line(end, data[end : end + 4], 0, "CRC-32C of all above, little-endian")
        yield from _line(end + 4, data[end + 4 : end + 8], 0, "the length again")
        yield f"-- head after it: sha256:{hashlib.sha256(payload).hexdigest()}"
        at = end + 8


def _line(at: int, data: bytes, depth: int, text: str) -> Iterator[str]:
    """``data`` at an offset, in as many lines as it takes; ``text`` stands beside the first."""
    for n in range(0, max(len(data), 1), _WIDTH):
        shown = "  " * depth + data[n : n + _WIDTH].hex(" ")
        yield f"{at + n:04x}  {shown:<60}  {text if n == 0 else ''}".rstrip()


def _item(data: bytes, at: int, depth: int) -> tuple[int, list[str]]:
    """The end of the CBOR item at an offset, and its lines."""
    major, info = data[at] >> 5, data[at] & 31
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(info, 0)
    begin, head = at, data[at : at + 1 + size]
    number = int.from_bytes(head[1:], "big") if size else info
    at += len(head)
    if major == 7:
        text = _SIMPLE.get(info) or f"{_FLOATS[info]} float"
        return at, list(_line(begin, head, depth, text))
    if major < 2:
        shown = number if major == 0 else -1 - number
        return at, list(_line(begin, head, depth, str(shown)))
    if major < 4:
        content = data[at : at + number]
        text = f"{_KINDS[major]} of {number}"
        if major == 3:
            text = json.dumps(content.decode(), ensure_ascii=False)
        return at + number, list(_line(begin, head + content, depth, text))
    lines = list(_line(begin, head, depth, f"{_KINDS[major]} of {number}"))
    for n in range(number * (major - 3)):
        at, below = _item(data, at, depth + 1)
        is_key = major == 5 and n % 2 == 0
        lines += [f"{below[0]}:", *below[1:]] if is_key and len(below) == 1 else below
    return at, lines


def example() -> str:
    """The example of the page."""
    journal = bytes.fromhex(json.loads(VECTORS.read_text("utf-8"))["example"])
    return "```\n" + "\n".join(annotate(journal)) + "\n```\n"


def page(text: str) -> str:
    """The page with the example as it should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + example() + END + after


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print("\n".join(annotate(Path(sys.argv[1]).read_bytes())))
    else:
        PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
