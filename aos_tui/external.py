"""A text edited in the user's own editor, while the app is suspended."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

if TYPE_CHECKING:
    from textual.app import App


class NotEdited(Exception):
    """The editor did not bring back a text; what was there is kept."""


def editor_command(environ: Mapping[str, str]) -> list[str]:
    """The words of ``$VISUAL``, else of ``$EDITOR``. Raises :class:`NotEdited` where neither is
    set, or names nothing."""
    for name in ("VISUAL", "EDITOR"):
        if given := environ.get(name, "").strip():
            try:
                return shlex.split(given, posix=os.name != "nt")
            except ValueError as error:
                raise NotEdited(f"${name} does not read: {error}") from None
    raise NotEdited("no editor is set: export VISUAL or EDITOR, as in EDITOR=nano, and start again")


def edited(app: App[Any], text: str, environ: Mapping[str, str] = os.environ) -> str:
    """``text`` as the user's editor leaves it, in a file of its own that is removed afterwards.

    Blocks until the editor ends, the terminal being its. Raises :class:`NotEdited` where there is
    no editor, no terminal to give it (a browser, ``--headless``), or it fails.
    """
    command = editor_command(environ)
    handle, name = tempfile.mkstemp(prefix="aos-", suffix=".json")
    path = Path(name)
    try:
        os.close(handle)
        path.write_text(f"{text}\n", encoding="utf-8")
        _run(app, [*command, name])
        return path.read_text(encoding="utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise NotEdited("what the editor wrote is not UTF-8") from None
    except OSError as error:
        raise NotEdited(f"{error.filename or command[0]}: {error.strerror}") from None
    finally:
        path.unlink(missing_ok=True)


def _run(app: App[Any], command: list[str]) -> None:
    failed: OSError | None = None
    code = 0
    try:
        with app.suspend():  # which does not come back from an error raised inside
            # ctrl+c is the editor's; what is ignored, unlike a handler, would be so there too
            before = signal.signal(signal.SIGINT, lambda *_: None)
            try:
                code = subprocess.run(command, check=False).returncode
            except OSError as error:
                failed = error
            finally:
                signal.signal(signal.SIGINT, before)
    except SuspendNotSupported:
        raise NotEdited(
            "there is no terminal here to give to an editor: write it in the field"
        ) from None
    if isinstance(failed, FileNotFoundError):
        raise NotEdited(f"there is no program {command[0]}: see VISUAL and EDITOR")
    if failed is not None:
        raise NotEdited(f"{command[0]} does not start: {failed.strerror}")
    if code != 0:
        raise NotEdited(f"{command[0]} ended with code {code}: nothing is changed")
