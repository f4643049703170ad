"""``Builder``: from sources to a module, at most once for the same sources and compiler."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path

from filelock import FileLock

from aos_core.build import module_cache
from aos_core.build.module_cache import Built
from aos_core.build.request import BuildArtifact, BuildRequest, Compiled, Tell
from aos_core.build.rust import RustBackend, recipe
from aos_core.build.sources import Crate
from aos_core.build.stages import STARTING
from aos_core.build.texts import read_module
from aos_core.build.toolchain import Toolchain, acquire, find_toolchain, prepare
from aos_core.build.trust import require_trust
from aos_core.errors import AosError, ModuleMissing

_log = logging.getLogger("aos.build")


class Builder:
    """Builds modules, and keeps them in ``cache`` (a folder, made when needed; None: nowhere).

    ``prefer``: versions of rustc (whole ``-vV`` texts) to take before others, where they are here.
    ``tell`` takes each line that the compiler says. ``target_dir``: where cargo works, instead of
    a folder in the user's cache.
    """

    def __init__(
        self,
        cache: Path | None,
        *,
        prefer: Collection[str] = (),
        tell: Tell = lambda _: None,
        target_dir: Path | None = None,
    ) -> None:
        self._cache, self._prefer, self._tell, self._target = cache, prefer, tell, target_dir

    @cached_property
    def toolchain(self) -> Toolchain:
        """The compiler, ready to build. Raises :class:`NoToolchain`, :class:`BuildFailed`."""
        return prepare(find_toolchain(self._prefer), self._tell)

    def build(self, request: BuildRequest) -> BuildArtifact:
        """The module of a crate, ``.wat`` or ``.wasm``.

        Raises :class:`BuildFailed` (with every error of the compiler and its place),
        :class:`NoToolchain`, :class:`NotTrusted`, :class:`WorldError` for a crate that makes no
        sense, and :class:`ModuleMissing` for text or bytes that are no module.
        """
        begin = time.perf_counter()
        if not request.source.is_dir():
            return _as_it_is(request.source, begin)
        crate = Crate.read(request.source)
        if self._cache is None:
            return self._compile(crate, request, begin)
        with self._alone(crate):
            return self._cached(crate, request, begin) or self._compile(crate, request, begin)

    @contextlib.contextmanager
    def _alone(self, crate: Crate) -> Iterator[None]:
        """Only one builds a crate at a time; who waited finds the module in the cache."""
        assert self._cache is not None
        key = hashlib.sha256(str(crate.root).encode()).hexdigest()[:16]
        lock = FileLock(self._cache / f".{key}.lock")
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            acquire(lock, self._tell)
        except OSError as error:
            _log.debug("building without a lock, %s cannot be written: %s", self._cache, error)
        try:
            yield
        finally:
            lock.release()

    def _cached(self, crate: Crate, request: BuildRequest, begin: float) -> BuildArtifact | None:
        assert self._cache is not None
        sources = crate.fingerprint
        if request.force:
            _log.debug("%s: built anew, as asked", crate.name)
            return None
        found = module_cache.find(self._cache, sources)
        if found is None:
            _log.debug("%s: missed, nothing was built from sources %s", crate.name, sources[:16])
            return None
        built, wasm = found
        if built.fingerprint != self._fingerprint(sources):
            _log.debug("%s: missed, it was built by another compiler or recipe", crate.name)
            return None
        _log.debug("%s: hit, sources %s", crate.name, sources[:16])
        return _artifact(Compiled(wasm), built.fingerprint, built.toolchain, begin, cached=True)

    def _compile(self, crate: Crate, request: BuildRequest, begin: float) -> BuildArtifact:
        if request.world is not None:
            require_trust(request.world)
        self._tell(STARTING)
        sources = crate.fingerprint
        tools = self.toolchain
        compiled = RustBackend(tools, self._target).compile(crate, self._tell)
        # of the sources as they were before: what is saved meanwhile is built the next time
        fingerprint = self._fingerprint(sources)
        built = Built(fingerprint, hashlib.sha256(compiled.wasm).hexdigest(), tools.name)
        kept = self._keep(sources, built, compiled.wasm)
        return _artifact(compiled, fingerprint, tools.name, begin, kept=kept)

    def _keep(self, sources: str, built: Built, wasm: bytes) -> bool:
        if self._cache is None:
            return False
        try:
            module_cache.keep(self._cache, sources, built, wasm)
        except OSError as error:
            _log.warning("the module is built, but cannot be kept in %s: %s", self._cache, error)
            return False
        return True

    def _fingerprint(self, sources: str) -> str:
        tools = self.toolchain
        said = {"sources": sources, **recipe(tools), **tools.quick_identity()}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def find_built(cache: Path, source: Path) -> bytes | None:
    """The module that was built from the crate as it is now, whichever compiler did it.

    None where there is none, or no crate. Runs nothing and needs no toolchain.
    """
    try:
        sources = Crate.read(source).fingerprint
    except AosError as error:
        _log.debug("%s: no sources to compare with: %s", source, error)
        return None
    found = module_cache.find(cache, sources)
    _log.debug("%s: %s, sources %s", source, "hit" if found else "missed", sources[:16])
    return None if found is None else found[1]


def _as_it_is(source: Path, begin: float) -> BuildArtifact:
    try:
        wasm, given = read_module(source), source.read_bytes()
    except OSError as error:
        raise ModuleMissing(
            f"{source.name} cannot be read: {error.strerror}", file=source
        ) from error
    print_of = hashlib.sha256(given).hexdigest()
    return _artifact(Compiled(wasm), print_of, "none", begin, cached=True)


def _artifact(
    compiled: Compiled,
    fingerprint: str,
    toolchain: str,
    begin: float,
    *,
    cached: bool = False,
    kept: bool = True,
) -> BuildArtifact:
    return BuildArtifact(
        wasm=compiled.wasm,
        wasm_hash=hashlib.sha256(compiled.wasm).digest(),
        fingerprint=fingerprint,
        toolchain=toolchain,
        ms=round((time.perf_counter() - begin) * 1000),
        log=compiled.log,
        warnings=compiled.warnings,
        cached=cached,
        kept=kept,
    )
