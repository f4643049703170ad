"""Compiled modules on disk: ``<engine>/<wasm-hash>/module.cmod``, so that a warm start compiles
nothing.

Compiled code is machine code that the engine trusts, and a world may come from a stranger. So each
file carries an HMAC, under a key that only this user has, over the engine, the hash of the wasm
and the code; it is checked before the engine sees a byte. What is checked is what is loaded: the
file is read once, and the engine gets those bytes, not the file, which somebody may change in
between. On Linux it gets them as a sealed file in memory, which it maps instead of copying.

Whatever is absent, damaged, stale, foreign or cannot be written means to compile, silently.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.metadata
import logging
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from aos_core.whole_files import drop_oldest, put_whole

if TYPE_CHECKING:
    import wasmtime

_log = logging.getLogger("aos.wasm")

KEPT = 64
"""How many modules are kept for one engine; those not used for longest go first."""

_MAGIC = b"aoscmod1"
_MAC_BYTES = 32
_KEY_BYTES = 32


def user_cache() -> Path:
    """Where worlds in memory keep their compiled modules."""
    return platformdirs.user_cache_path("aos") / "wasmtime"


class CodeCache:
    """The compiled modules of one folder. Safe in many threads and processes."""

    def __init__(self, root: Path, settings: str) -> None:
        """``settings``: text that differs wherever the engine would compile differently."""
        digest = hashlib.sha256(f"{settings}\n{_platform()}".encode()).hexdigest()[:16]
        version = importlib.metadata.version("wasmtime")
        self._engine = f"wasmtime-{version}-{digest}"
        self._root = root / self._engine

    def load(self, engine: wasmtime.Engine, wasm_hash: bytes) -> wasmtime.Module | None:
        """The module compiled from the wasm of this hash, or None."""
        path = self._path(wasm_hash)
        try:
            data = path.read_bytes()
        except OSError as error:
            _log.debug("compiled code missed: %s", error)
            return None
        code = self._checked(data, wasm_hash)
        module = None if code is None else _deserialize(engine, code)
        if module is None:
            _log.debug("%s is damaged, stale or not ours: compiled anew", path)
            return None
        _touch(path.parent)
        return module

    def keep(self, wasm_hash: bytes, module: wasmtime.Module) -> None:
        """Write a compiled module; where that does not work, the next start compiles again."""
        key = _user_key(make=True)
        if key is None:
            return
        path = self._path(wasm_hash)
        code = bytes(module.serialize())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            put_whole(path, _MAGIC + self._mac(key, wasm_hash, code) + code)
            _touch(path.parent)
            drop_oldest(self._root.iterdir(), KEPT)
        except OSError as error:
            _log.debug("compiled code is not kept: %s", error)

    def _path(self, wasm_hash: bytes) -> Path:
        return self._root / wasm_hash.hex() / "module.cmod"

    def _checked(self, data: bytes, wasm_hash: bytes) -> memoryview | None:
        """The code in a file, if this user's own key vouches for it, here and for this wasm."""
        key = _user_key(make=False)
        head = len(_MAGIC) + _MAC_BYTES
        if key is None or not data.startswith(_MAGIC):
            return None
        code = memoryview(data)[head:]
        expected = self._mac(key, wasm_hash, code)
        return code if hmac.compare_digest(expected, data[len(_MAGIC) : head]) else None

    def _mac(self, key: bytes, wasm_hash: bytes, code: bytes | memoryview) -> bytes:
        # engine and hash are of fixed length or end in a zero byte: no two places read alike
        mac = hmac.new(key, f"{self._engine}\0".encode() + wasm_hash, hashlib.sha256)
        mac.update(code)
        return mac.digest()


def _platform() -> str:
    uname = os.uname() if hasattr(os, "uname") else None
    return f"{sys.platform} {uname.machine if uname else ''}"


def _touch(folder: Path) -> None:
    try:
        os.utime(folder)
    except OSError:
        return  # it only counts as used less lately


def _deserialize(engine: wasmtime.Engine, code: memoryview) -> wasmtime.Module | None:
    """The engine's own module; None where it was compiled for another engine or processor."""
    import wasmtime

    try:
        return _map(engine, code) or wasmtime.Module.deserialize(engine, bytes(code))
    except wasmtime.WasmtimeError as error:
        _log.debug("the engine refuses compiled code: %s", error)
        return None


def _map(engine: wasmtime.Engine, code: memoryview) -> wasmtime.Module | None:
    """The same by a memory map of a file that has no name and can no longer be changed."""
    if sys.platform != "linux":
        return None
    import fcntl

    import wasmtime

    try:
        handle = os.memfd_create("module.cmod", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        return None
    try:
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(code)
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        fcntl.fcntl(handle, fcntl.F_ADD_SEALS, seals)
        return wasmtime.Module.deserialize_file(engine, f"/proc/self/fd/{handle}")
    except (OSError, wasmtime.WasmtimeError):
        return None  # no /proc, or not our engine's code: the plain way tells
    finally:
        os.close(handle)


def _user_key(*, make: bool) -> bytes | None:
    """This user's key, which nobody else can read or write; None where there is none."""
    path = platformdirs.user_data_path("aos") / "code.key"
    key = _read_key(path)
    if key is None and make:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            put_whole(path, secrets.token_bytes(_KEY_BYTES))
        except OSError as error:
            _log.debug("there is no key for compiled code: %s", error)
            return None
        key = _read_key(path)  # of several that made one at once, the last has it
    return key


def _read_key(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if hasattr(os, "getuid") and (
            about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & 0o077
        ):
            _log.debug("%s can be read by others: a new key takes its place", path)
            return None
        key = file.read(_KEY_BYTES + 1)
    return key if len(key) == _KEY_BYTES else None
