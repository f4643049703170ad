"""What a command does with a stdout that is closed or full, and the app without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT


def shell(line: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """A line for sh; ``$aos`` and ``$app`` are the two programs."""
    env = {
        **os.environ,
        "aos": f"{sys.executable} -m aos_core.cli.main",
        "app": f"{sys.executable} -m aos_tui",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        ["sh", "-c", line], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )


def test_a_closed_stdout_is_no_bug_of_ours(tmp_path: Path) -> None:
    done = shell("$aos list >&-", tmp_path)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_stdout_is_told_in_a_line(tmp_path: Path) -> None:
    done = shell("$aos list >/dev/full", tmp_path)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr and "bug of aos" not in done.stderr


def test_the_app_without_a_terminal_says_so_and_ends(tmp_path: Path) -> None:
    done = shell("$app 04 </dev/null", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "this is no terminal" in done.stderr and "--headless" in done.stderr
