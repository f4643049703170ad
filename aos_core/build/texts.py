"""Modules that need no compiler of ours: WebAssembly as text, and as it is."""

from __future__ import annotations

from pathlib import Path

from aos_core.errors import ModuleMissing


def read_module(path: Path) -> bytes:
    """The wasm at ``path``; a ``.wat`` is translated, which takes well under a millisecond.

    Raises :class:`OSError`, and :class:`ModuleMissing` with the place of a mistake in a text.
    """
    if path.suffix != ".wat":
        return path.read_bytes()
    import wasmtime

    try:
        return bytes(wasmtime.wat2wasm(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise ModuleMissing(f"{path.name} is no text: {error}", file=path) from error
    except wasmtime.WasmtimeError as error:
        message, line, column = _place(str(error))
        raise ModuleMissing(
            f"{path.name} is no WebAssembly text: {message}", file=path, line=line, column=column
        ) from None


def _place(text: str) -> tuple[str, int | None, int | None]:
    """Message, line and column of what the translator says: ``.. --> <anon>:3:7 ..``."""
    message, _, rest = text.partition("\n")
    for part in rest.split():
        name, _, place = part.partition(":")
        line, _, column = place.partition(":")
        if name == "<anon>" and line.isdigit() and column.isdigit():
            return message.strip(), int(line), int(column)
    return message.strip(), None, None
