"""The server of ``--web``: each browser tab is one ``aos-tui``, a process of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from aos_core.errors import UsageError
from aos_tui.options import Options, words_of
from aos_tui.web.tab import SERVER

PAGE = Path(__file__).parent


def serve_browsers(options: Options) -> None:
    """Serve until ctrl+c.

    Raises :class:`UsageError` where textual-serve is not installed, or nothing can listen there.
    """
    assert options.web is not None
    try:
        from aos_tui.web.server import TabServer
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--web needs {error.name}, which is not installed",
            hint="pip install 'aos-tui[web]'",
            code="no_web",
        ) from error
    host, port = options.web
    # what a tab runs writes to no terminal: the browser shows UTF-8, whatever this one does
    os.environ["PYTHONUTF8"] = "1"
    os.environ["TERM"] = "xterm-256color"
    os.environ[SERVER] = str(os.getpid())
    try:
        command, title = _command(words_of(options)), _title(options)
        TabServer(command, host, port, title, options.names).serve()
    except OSError as error:
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else error.strerror
        raise UsageError(
            f"nothing can listen at {host}:{port}: {why}",
            hint="--port 0 takes a free one; --host says at which address",
            code="no_port",
        ) from error


def _title(options: Options) -> str:
    return f"aos-tui {Path(options.world).name}".strip()


def _command(arguments: Sequence[str]) -> str:
    """For the shell that textual-serve starts; it gives way to the app, so that no shell stands
    between a tab and its process."""
    words = [sys.executable, "-m", "aos_tui", *arguments]
    if os.name == "nt":
        return subprocess.list2cmdline(words)
    return f"exec {shlex.join(words)}"
