"""The entry of ``aos-tui``."""

from __future__ import annotations

import os
import sys

from aos_tui.options import Options, parse


def run() -> None:
    """Run the app, or press keys without a terminal; exits with 0, 1 or 2."""
    options = parse()
    # Textual is loaded only now, so that --help and wrong arguments answer at once.
    if options.headless:
        from aos_tui.headless import run_headless

        sys.exit(run_headless(options))
    if options.web is not None:
        sys.exit(_serve(options))
    if not (os.environ.get(_DRIVER) or (sys.stdin.isatty() and sys.stdout.isatty())):
        sys.stderr.write(
            "aos-tui: this is no terminal\n  `aos` does the same without a screen, and "
            "--headless presses keys and takes a picture\n"
        )
        sys.exit(2)
    # Read when Textual is imported: what a key leads to would wait for the next of 60 frames, which
    # is no pace, but how long to wait after the last one.
    os.environ.setdefault("TEXTUAL_FPS", "1000")
    from aos_tui.app import AosApp
    from aos_tui.pauses import pause_hardly

    app = AosApp(options)
    pause_hardly()
    app.run(mouse=_reads_mouse())
    sys.exit(app.return_code or 0)


def _reads_mouse() -> bool:
    """GNU screen keeps escape back while a program reads the mouse: no dialog would close."""
    return "STY" not in os.environ or "TMUX" in os.environ


_DRIVER = "TEXTUAL_DRIVER"
"""Set in a process that a browser shows: it has pipes for a terminal."""


def _serve(options: Options) -> int:
    from aos_core.errors import AosError
    from aos_tui.web.serve import serve_browsers

    try:
        serve_browsers(options)
    except AosError as error:
        sys.stderr.write(f"aos-tui: {error.message}\n  {error.hint}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    run()
