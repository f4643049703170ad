"""Modules that were built, kept in ``.aos/cache/modules/`` under what they were built from.

``<sources>.json`` names, for one fingerprint of sources, the whole fingerprint, toolchain and
SHA-256; the bytes lie beside it as ``<sha256>.wasm``. Both are put in place whole or not at all,
and what does not have its hash counts as absent: a killed build leaves nothing behind to trust.
``last`` says what the last build of each module gave, whether it was compiled or not.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from aos_core.whole_files import drop_oldest, put_whole

_log = logging.getLogger("aos.build")

_LAST = "last"

KEPT = 64
"""How many builds are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Built:
    """What is known of a module in the cache; hashes in hex."""

    fingerprint: str
    sha256: str
    toolchain: str


def find(cache: Path, sources: str) -> tuple[Built, bytes] | None:
    """What was last built from these sources, whichever compiler did it; None where nothing was,
    or where it is not whole."""
    entry = cache / f"{sources}.json"
    try:
        built = Built(**json.loads(entry.read_text(encoding="utf-8")))
        wasm = (cache / f"{built.sha256}.wasm").read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        _log.debug("%s is damaged, it counts as absent: %s", entry, error)
        return None
    if hashlib.sha256(wasm).hexdigest() != built.sha256:
        _log.debug("%s.wasm is damaged, it counts as absent", built.sha256)
        return None
    return built, wasm


def keep(cache: Path, sources: str, built: Built, wasm: bytes) -> None:
    """Put a module into the cache. Raises :class:`OSError` where there is no room for it."""
    cache.mkdir(parents=True, exist_ok=True)
    put_whole(cache / f"{built.sha256}.wasm", wasm)
    put_whole(cache / f"{sources}.json", json.dumps(asdict(built)).encode())
    drop_oldest(cache.glob("*.json"), KEPT)
    drop_oldest(cache.glob("*.wasm"), KEPT)


def last_built(cache: Path) -> dict[str, str]:
    """By name of a module, the SHA-256 in hex that its last build gave; empty where nothing is
    known."""
    try:
        given = json.loads((cache / _LAST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(of) for name, of in given.items()} if isinstance(given, dict) else {}


def remember_last(cache: Path, built: Mapping[str, str]) -> None:
    """Remember what these modules gave now. What cannot be written is not remembered."""
    known = last_built(cache)
    if known != (now := {**known, **built}):
        try:
            cache.mkdir(parents=True, exist_ok=True)
            put_whole(cache / _LAST, json.dumps(now).encode())
        except OSError as error:
            _log.debug("what was built last is not remembered: %s", error)
