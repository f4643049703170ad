"""What a crate is built from, read without cargo: its files, those of its path dependencies, the
workspace's manifest and lock file. A changed byte in any of them is another fingerprint.

It needs no toolchain, so that opening a world can tell whether what was built still fits.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aos_core.errors import WorldError

MANIFEST, LOCK = "Cargo.toml", "Cargo.lock"
_CONFIGS = (".cargo/config.toml", ".cargo/config")
_DEPENDENCIES = ("dependencies", "build-dependencies")


@dataclass(frozen=True)
class Crate:
    """A package on disk. ``workspace`` is the root that cargo would find; ``places`` are the
    directories of the crate and of every path dependency, its own first."""

    root: Path
    name: str
    workspace: Path
    places: tuple[Path, ...]

    @classmethod
    def read(cls, root: Path) -> Crate:
        """Read the manifests. Raises :class:`WorldError` where one is missing or makes no sense."""
        root = root.resolve()
        package = _read(root).get("package")
        if not isinstance(package, dict) or not isinstance(package.get("name"), str):
            raise WorldError("this manifest names no package", file=root / MANIFEST, code=_CODE)
        workspace = _workspace_of(root)
        return cls(root, package["name"], workspace, tuple(_places(root, workspace)))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, hex, over the names and bytes of everything that is read to build it.

        Names are relative to the workspace, so two copies of it have one fingerprint.
        Raises :class:`WorldError` where a file cannot be read.
        """
        return self._digest(self._files())

    @property
    def contents(self) -> dict[str, str]:
        """SHA-256, hex, over the names and bytes of the files of each package, by its name."""
        named = ((_read(place).get("package", {}).get("name", ""), place) for place in self.places)
        return {name: self._digest(_walk(place)) for name, place in named}

    def _digest(self, files: Iterable[Path]) -> str:
        total = hashlib.sha256()
        for path in sorted(files, key=self._label):
            try:
                content = hashlib.sha256(path.read_bytes())
            except OSError as error:
                raise WorldError(
                    f"{path.name} cannot be read: {error.strerror}", file=path, code=_CODE
                ) from error
            total.update(f"{self._label(path)}\0{content.hexdigest()}\n".encode())
        return total.hexdigest()

    def _label(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.workspace)).as_posix()

    def _files(self) -> set[Path]:
        shared = (MANIFEST, LOCK, *_CONFIGS)
        found = {path for name in shared if (path := self.workspace / name).is_file()}
        for place in self.places:
            found.update(_walk(place))
        return found


_CODE = "bad_crate"


def _walk(place: Path) -> Iterator[Path]:
    """The files of a package: not what is hidden, what cargo put there, or other packages."""
    for folder, folders, names in os.walk(place):
        here = Path(folder)
        folders[:] = [
            name for name in folders
            if not name.startswith(".") and name != "target" and not _is_package(here / name)
        ]  # fmt: skip
        for name in names:
            if not name.startswith(".") and (path := here / name).is_file():
                yield path


def _is_package(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def _read(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WorldError(
            f"there is no crate at {folder}", file=path, code=_CODE,
            hint="mend `crate` in world.toml: the folder that holds Cargo.toml",
        ) from None  # fmt: skip
    except (OSError, ValueError) as error:
        raise WorldError(f"{MANIFEST} cannot be read: {error}", file=path, code=_CODE) from error


def _workspace_of(root: Path) -> Path:
    """The workspace root, as cargo looks for it; the crate itself where there is none."""
    own = _read(root)
    if "workspace" in own:
        return root
    if isinstance(named := own["package"].get("workspace"), str):
        return (root / named).resolve()
    for folder in root.parents:
        if _is_package(folder) and "workspace" in (above := _read(folder)):
            excluded = above["workspace"].get("exclude", [])
            if not any(root.is_relative_to((folder / name).resolve()) for name in excluded):
                return folder
    return root


def _places(root: Path, workspace: Path) -> Iterator[Path]:
    shared = _read(workspace)
    inherited = shared.get("workspace", {}).get("dependencies", {})
    seen: set[Path] = set()
    waiting = [root, *_paths(shared.get("patch", {}).values(), workspace, {}, workspace)]
    while waiting:
        place = waiting.pop(0)
        if place not in seen:
            seen.add(place)
            yield place
            waiting += _paths(_tables(_read(place)), place, inherited, workspace)


def _tables(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for scope in (manifest, *manifest.get("target", {}).values()):
        yield from (scope[kind] for kind in _DEPENDENCIES if kind in scope)


def _paths(
    tables: Any, place: Path, inherited: Mapping[str, Any], workspace: Path
) -> Iterator[Path]:
    """The directories that dependencies name by path."""
    for table in tables:
        for name, given in table.items():
            spec, base = given, place
            if isinstance(given, dict) and given.get("workspace") is True:
                spec, base = inherited.get(name), workspace
            if isinstance(spec, dict) and isinstance(spec.get("path"), str):
                yield (base / spec["path"]).resolve()
