"""A world directory: what an author writes, read from disk.

Nothing here runs anything. Texts, wasm and blobs are read; making sense of them is for ``air``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import platformdirs

from aos_core import canon
from aos_core.air.check import require_sound
from aos_core.air.load import Catalog, read_files
from aos_core.air.nodes import DefModule
from aos_core.build.builder import find_built
from aos_core.build.sources import Crate
from aos_core.build.texts import read_module
from aos_core.errors import ModuleMissing, UsageError, WorldError
from aos_core.kernel.program import Limits, Settings
from aos_core.live_settings import LiveSettings, read_live_settings
from aos_core.problems import has_errors
from aos_core.spacing import Spacing
from aos_core.toml_table import Document, Table, read_toml
from aos_core.whole_files import read_text

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """Where a module's wasm comes from; paths as written, ``abi`` ``v1`` or ``legacy``."""

    crate: str | None
    wasm: str | None
    abi: str


@dataclass(frozen=True, slots=True)
class WorldConfig:
    """``world.toml``, every key with its default.

    ``assets``: the one folder whose definitions are read, where a world ships several versions."""

    name: str
    title: str
    summary: str
    default_scenario: str | None
    assets: str | None
    modules: Mapping[str, ModuleSource]
    limits: Limits
    state_schema: str
    live: LiveSettings
    spacing: Spacing

    @property
    def settings(self) -> Settings:
        """What of it is journaled."""
        legacy = {name: of.abi for name, of in self.modules.items() if of.abi != "v1"}
        return Settings(self.limits, self.state_schema, legacy)


def read_config(file: Path) -> WorldConfig:
    """Read ``world.toml``. Raises :class:`WorldError`."""
    known = (
        "name", "title", "summary", "default_scenario", "assets", "modules", "limits", "checks",
        "snapshots", "http", "llm",
    )  # fmt: skip
    table = read_toml(file).table(known)
    checks = table.sub("checks", ("state_schema",))
    return _config(table, checks, file.parent.name)


def bare_config(root: Path) -> WorldConfig:
    """What ``world.toml`` means where it says nothing."""
    empty = Table({}, Document(root / "world.toml", "", {}), "", ())
    return _config(empty, empty, root.name)


def _config(table: Table, checks: Table, folder: str) -> WorldConfig:
    name = table.get("name", str) or folder
    return WorldConfig(
        name=name,
        title=table.get("title", str, name),
        summary=table.get("summary", str, ""),
        default_scenario=table.get("default_scenario", str),
        assets=table.get("assets", str),
        modules=_read_modules(table),
        limits=_read_limits(table.sub("limits", ("fuel", "memory_mib", "output_mib", "tasks"))),
        state_schema=checks.choice("state_schema", ("warn", "off", "enforce"), "warn"),
        live=read_live_settings(table),
        spacing=_read_spacing(table.sub("snapshots", ("turns", "mib"))),
    )


def _read_spacing(table: Table) -> Spacing:
    return Spacing(table.whole("turns", 8, 1), table.whole("mib", 8, 1) * 2**20)


def _read_modules(table: Table) -> dict[str, ModuleSource]:
    modules = {}
    for name in table.get("modules", dict, {}):
        source = table.sub("modules", tuple(table.data["modules"]))
        of = source.sub(name, ("crate", "wasm", "abi"))
        abi = of.choice("abi", ("v1", "legacy"), "v1")
        modules[name] = ModuleSource(of.get("crate", str), of.get("wasm", str), abi)
    return modules


def _read_limits(table: Table) -> Limits:
    default = Limits()
    return Limits(
        table.whole("fuel", default.fuel, 1),
        table.whole("memory_mib", default.memory_mib, 1, 4095),
        table.whole("output_mib", default.output_mib, 1, 4095),
        table.whole("tasks", default.tasks, 1),
    )


@dataclass(frozen=True)
class WorldFiles:
    """A world on disk. ``texts`` by path relative to ``root``; ``wasm``, by module
    name, stands before what is found on disk.

    ``home`` is where ``world.toml`` is: ``root``, or the folder around it where ``root`` holds one
    version of a world's assets. Modules, crates and blobs are found from there."""

    root: Path
    home: Path
    config: WorldConfig
    texts: Mapping[str, str]
    blobs: tuple[bytes, ...]
    bundled: bool
    wasm: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        root: Path,
        wasm: Mapping[str, bytes] | None = None,
        config: WorldConfig | None = None,
    ) -> WorldFiles:
        """Read the world at ``root``. Raises :class:`WorldError` where there is none.

        ``wasm``: by module name, instead of what is found on disk; ``config``: instead of what
        ``world.toml`` says."""
        root = root.resolve()
        home = _home(root)
        if home is None:
            lacks = "world.toml in" if root.is_dir() else "world at"
            raise WorldError(
                f"there is no {lacks} {root}", file=root, code="no_world",
                hint="an empty world.toml makes a folder with AIR assets a world; `aos list` names "
                "the worlds that ship",
            )  # fmt: skip
        config = config or read_config(home / "world.toml")
        texts = _read_texts(root, _asset_folders(root, config, home))
        blobs = tuple(_blob(path, home) for path in _files(home / "blobs", "*"))
        bundled = any(root.is_relative_to(place) for place in _bundled_roots())
        return cls(root, home, config, texts, blobs, bundled, wasm or {})

    @cached_property
    def catalog(self) -> Catalog:
        """The world's definitions. Raises :class:`CheckFailed`, with every problem there is, where
        they cannot be read."""
        catalog = read_files(self.texts, self.wasm_hash)
        if has_errors(catalog.problems):
            require_sound(catalog)
        return catalog

    def wasm_of(self, module: DefModule) -> bytes | None:
        """The wasm of a module, or None where there is none to be found.

        It is in ``modules/``, in the file that world.toml names, or what was built of the crate
        that it names. Raises :class:`ModuleMissing` where a place that was named lacks it.
        """
        if module.name in self.wasm:
            return self.wasm[module.name]
        file = self.file_of(module)
        if file is not None:
            return self._read_wasm(file, module)
        crate = self.crate_of(module)
        if crate is None:
            return None
        built = find_built(self.build_cache, crate)
        if built is None and self.bundled:
            return self._read_prebuilt(crate.name, module)
        return built

    def crate_of(self, module: DefModule) -> Path | None:
        """The folder of the crate that ``world.toml`` names for a module, whether it is there or
        not."""
        source = self.config.modules.get(module.name)
        if source is None or source.crate is None:
            return None
        return Path(os.path.normpath(self.home / source.crate))

    def file_of(self, module: DefModule) -> Path | None:
        """The file that a module is read from, where ``world.toml`` names one or the world carries
        one; it stands before what is built."""
        source = self.config.modules.get(module.name)
        if source is not None and source.wasm is not None:
            return self.home / source.wasm
        local = module.name.partition("/")[2]
        names = [local, local.partition("@")[0]]
        if module.wasm_hash is not None:
            names.append(module.wasm_hash.removeprefix("sha256:"))
        for name in names:
            path = self.home / "modules" / f"{name}.wasm"
            if path.is_file():
                return path
        return None

    def require_wasm(self, module: DefModule) -> bytes:
        """The wasm of a module. Raises :class:`ModuleMissing`."""
        wasm = self.wasm_of(module)
        if wasm is None:
            local = module.name.partition("/")[2].partition("@")[0]
            put = f"put it into {self.home / 'modules' / local}.wasm"
            build = "`aos build` compiles its crate, or " if self.crate_of(module) else ""
            raise ModuleMissing(
                f"there is no wasm for {module.name}",
                module=module.name,
                hint=f"{build}{put}, or name it in world.toml: "
                f'[modules."{module.name}"] wasm = "path"',
            )
        return wasm

    def source_folders(self) -> list[Path]:
        """Where the sources of the modules are: crates, and what they depend on by path."""
        folders: list[Path] = []
        for of in self.config.modules.values():
            crate = None if of.crate is None else Path(os.path.normpath(self.home / of.crate))
            if crate is None or of.wasm is not None or not crate.is_dir():
                continue
            try:
                folders += Crate.read(crate).places
            except WorldError:  # what is wrong with it is said where it is built
                folders.append(crate)
        return list(dict.fromkeys(folders))

    def watched(self) -> list[Path]:
        """The folders in which a change may mean another program."""
        wasm = [self.home / of.wasm for of in self.config.modules.values() if of.wasm]
        ours = [prebuilt_root()] if self.bundled else []
        folders = [
            self.root,
            self.home,
            *(path.parent for path in wasm),
            *ours,
            *self.source_folders(),
        ]
        return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]

    def wasm_hash(self, module: DefModule) -> bytes | None:
        """The SHA-256 of what :meth:`wasm_of` gives."""
        wasm = self.wasm_of(module)
        return None if wasm is None else canon.sha256(wasm)

    def _read_wasm(self, path: Path, module: DefModule) -> bytes:
        try:
            return read_module(path)
        except OSError as error:
            raise ModuleMissing(
                f"the wasm of {module.name} cannot be read: {error.strerror}", file=path,
                hint="build it, or mend [modules] in world.toml",
            ) from error  # fmt: skip

    def _read_prebuilt(self, crate: str, module: DefModule) -> bytes:
        lock, path = prebuilt_root() / "lock", prebuilt_root() / f"{crate}.wasm"
        wasm = self._read_wasm(path, module)
        try:
            expected = json.loads(lock.read_text(encoding="utf-8"))[crate]["sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModuleMissing(f"{lock} does not name {crate}", file=lock) from error
        found = canon.sha256(wasm).hex()
        if found != expected:
            raise ModuleMissing(
                f"{path.name} is not the file its lock names",
                file=path, expected=expected, found=found,
                hint="`python reducers/build.py` builds both; to try other wasm, copy the world "
                "and put it into its modules folder",
            )  # fmt: skip
        return wasm

    @property
    def scenarios(self) -> list[str]:
        """The names of the scenarios, sorted."""
        return [path.stem for path in self.scenario_files]

    @property
    def scenario_files(self) -> list[Path]:
        """The files of the scenarios, sorted."""
        return _files(self._scenario_folder, "*.toml")

    def scenario_path(self, name: str) -> Path:
        """The file of a scenario. Raises :class:`UsageError` for an unknown name."""
        if name not in self.scenarios:
            known = ", ".join(self.scenarios) or "none"
            raise UsageError(f"there is no scenario {name!r}", hint=f"known: {known}")
        return self._scenario_folder / f"{name}.toml"

    @property
    def _scenario_folder(self) -> Path:
        """A version of a world may have scenarios of its own."""
        own = self.root / "scenarios"
        return own if own.is_dir() else self.home / "scenarios"

    @property
    def build_cache(self) -> Path:
        """Where modules built from this world's crates are kept."""
        return self.data_dir / "cache" / "modules"

    @cached_property
    def data_dir(self) -> Path:
        """Where ``.aos`` is: in the world, or for a bundled one installed with the package, and
        one that cannot be written, in the user's data directory under name and path hash. Journals
        that are in the world stay where they are, to be read at least."""
        inside = self.root / ".aos"
        installed = self.root.is_relative_to(_PACKAGE)
        writable = os.access(inside if inside.exists() else self.root, os.W_OK)
        if not installed and (writable or any(inside.glob("journal/*.log"))):
            return inside
        key = canon.sha256(os.fsencode(self.root)).hex()[:12]
        return platformdirs.user_data_path("aos") / "worlds" / f"{self.config.name}-{key}"


def _home(root: Path) -> Path | None:
    """Where the ``world.toml`` of a root is, or None."""
    around = [root, root.parent] if root.name.startswith("air") else [root]
    return next((place for place in around if (place / "world.toml").is_file()), None)


def _asset_folders(root: Path, config: WorldConfig, home: Path) -> list[Path]:
    """The folders whose JSON is a world's definitions: ``defs``, ``plans`` and each that begins
    with ``air``; or the one that ``assets`` names; or ``root`` itself, opened as such a folder.

    Raises :class:`WorldError` where ``assets`` names no folder."""
    inside = sorted(path for path in root.iterdir() if path.is_dir())
    of_air = [path for path in inside if path.name.startswith("air")]
    if root != home or (root.name.startswith("air") and not of_air):
        return [root]
    if config.assets is None:
        return [*of_air, *(path for path in inside if path.name in ("defs", "plans"))]
    named = [path for path in inside if path.name == config.assets]
    if not named:
        raise WorldError(
            f"assets: there is no folder {config.assets}",
            file=home / "world.toml", path="assets",
            hint="it is the name of a folder of the world, for example air.v1",
        )  # fmt: skip
    return named


def _read_texts(root: Path, folders: list[Path]) -> dict[str, str]:
    """Every JSON asset below these folders, but for what is hidden."""
    found = {path.relative_to(root): path for folder in folders for path in folder.rglob("*.json")}
    texts = {}
    for name, path in sorted(found.items()):
        if any(part.startswith(".") for part in name.parts):
            continue
        try:
            texts[name.as_posix()] = read_text(path)
        except OSError as error:
            raise WorldError(f"{path.name} cannot be read: {error}", file=path) from error
    return texts


def _blob(path: Path, home: Path) -> bytes:
    """The bytes of a blob. Blobs are kept, and sent where a plan says so: a stranger's world must
    not name files of the reader's for that."""
    if not path.resolve().is_relative_to(home):
        raise WorldError(
            f"blobs/{path.name} leads out of the world", file=path,
            hint="a blob is kept and may be sent: copy the file here if that is meant",
        )  # fmt: skip
    return path.read_bytes()


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file())


def _bundled_roots() -> tuple[Path, ...]:
    """Where worlds that ship may lie: in the installed package, or in a checkout."""
    return (_PACKAGE / "bundled" / "examples", _PACKAGE.parent / "examples")


def examples_root() -> Path:
    """The folder of the worlds that ship."""
    return next((place for place in _bundled_roots() if place.is_dir()), _bundled_roots()[0])


def reducers_root() -> Path:
    """The workspace of the reducers of the worlds that ship, and of the SDK."""
    inside = _PACKAGE / "bundled" / "reducers"
    return inside if inside.is_dir() else _PACKAGE.parent / "reducers"


def prebuilt_root() -> Path:
    """The folder of the prebuilt reducers of the worlds that ship."""
    return reducers_root() / "prebuilt"


@dataclass(frozen=True, slots=True)
class Listed:
    """A world that ships."""

    number: str
    slug: str
    title: str
    summary: str
    path: Path


def bundled_worlds() -> list[Listed]:
    """The worlds that ship, by number."""
    found = []
    for path in sorted(examples_root().glob("[0-9][0-9]-*")):
        if (path / "world.toml").is_file():
            config = read_config(path / "world.toml")
            number, _, slug = path.name.partition("-")
            found.append(Listed(number, slug, config.title, config.summary, path))
    return found


def find_world(name: str) -> Path:
    """The directory of WORLD: a path, or the slug or number of one that ships.

    Raises :class:`UsageError` where there is none.
    """
    path = Path(name)
    if path.is_dir():
        return path
    for world in bundled_worlds():
        if name in (world.number, world.slug, world.path.name, f"examples/{world.path.name}"):
            return world.path
    known = ", ".join(f"{world.number} ({world.slug})" for world in bundled_worlds())
    raise UsageError(
        f"there is no world {name!r}", hint=f"give a directory, or one of: {known}", code="no_world"
    )
