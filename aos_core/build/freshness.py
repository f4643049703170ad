"""What cargo does not see: it goes by the times of files, and those that are put back, unpacked, or
copied with their times may be older than what was built of others.

Beside what cargo has built stands ``contents.json``: the hashes of the packages that it was built
from, by their names.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from aos_core.build.toolchain import TARGET

_FILE = "contents.json"


def forget_changed(target_dir: Path, contents: Mapping[str, str]) -> None:
    """Have cargo build anew the packages whose ``contents`` are others than were remembered."""
    known = _known(target_dir)
    changed = [re.escape(name) for name, content in contents.items() if known.get(name) != content]
    if not changed:
        return
    is_changed = re.compile(f"({'|'.join(changed)})-[0-9a-f]+")
    for where in ("release", f"{TARGET}/release"):
        for folder in target_dir.glob(f"{where}/.fingerprint/*"):
            if is_changed.fullmatch(folder.name):
                shutil.rmtree(folder, ignore_errors=True)


def remember(target_dir: Path, contents: Mapping[str, str]) -> None:
    """What is there now was built from these. Where it cannot be written, all of it is built anew
    the next time."""
    with suppress(OSError):
        text = json.dumps({**_known(target_dir), **contents}, indent=1)
        (target_dir / _FILE).write_text(text, encoding="utf-8")


def _known(target_dir: Path) -> dict[str, Any]:
    try:
        found = json.loads((target_dir / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
