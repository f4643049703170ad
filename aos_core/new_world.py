"""A new world: a folder that builds, runs and has tests, and needs nothing outside itself.

The SDK comes along as source. A path dependency outside a workspace would change the bytes that
are built, a registry would have to have it, and its version belongs to the runtime that made the
world; so the new world has a workspace of its own, laid out as ours, with the SDK in it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aos_core.branches import disk_errors
from aos_core.build.prebuilt import is_reducer, members
from aos_core.errors import ReadOnly, UsageError
from aos_core.files import read_config, reducers_root

TEMPLATE = Path(__file__).parent / "template"

_IGNORED = ".aos/\n__pycache__/\nreducers/target/\n"
_LEFT = shutil.ignore_patterns(".aos", "target", "__pycache__", ".*")


def make_world(place: Path, model: Path | None = None) -> list[str]:
    """Make a world at ``place``, which must not exist or be empty, like the bundled one at
    ``model`` or the small one of the template; returns the paths of its files, sorted.

    It is made aside and put in its place whole. Raises :class:`UsageError`, :class:`WorldError`.
    """
    place = place.absolute()
    if os.path.lexists(place) and not (place.is_dir() and not any(place.iterdir())):
        raise UsageError(f"{place} exists and is not empty", file=place, code="exists")
    with _elsewhere(place), disk_errors(place, f"{place} cannot be made"):
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-world-") as name:
            aside = Path(name) / "world"
            _fill(aside, place.name, model or TEMPLATE)
            aside.chmod(0o755)
            aside.replace(place)
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


@contextmanager
def _elsewhere(place: Path) -> Iterator[None]:
    """What one can do where a place cannot be written: unlike a world that is there, a new one may
    go anywhere."""
    try:
        yield
    except ReadOnly as error:
        above = next(of for of in place.parents if of.exists())
        error.hint = f"choose a place where you may write, or give yourself permission in {above}"
        raise


def _fill(root: Path, name: str, model: Path) -> None:
    shutil.copytree(model, root, ignore=_LEFT)
    (root / ".gitignore").write_text(_IGNORED, encoding="utf-8")
    crates = [
        _source(of.crate, model) for of in read_config(model / "world.toml").modules.values()
        if of.crate is not None
    ]  # fmt: skip
    _name(root / "world.toml", name)
    _workspace(root / "reducers", crates)
    if model != TEMPLATE:
        _scenario_test(root / "tests")
        _readme(root / "README.md", name, model.name)


def _source(crate: str, model: Path) -> Path:
    """The folder of a crate: beside the template's world, or among our reducers."""
    return (model / crate).resolve() if model == TEMPLATE else reducers_root() / Path(crate).name


def _name(file: Path, name: str) -> None:
    """Its own name, and its crates where they now are."""
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^name = .*$", lambda _: f"name = {json.dumps(name)}", text, count=1)
    text = re.sub(r'(?m)^crate = "(?:.*/)?([^"/]+)"$', r'crate = "reducers/\1"', text)
    file.write_text(text, encoding="utf-8")


def _readme(file: Path, name: str, model: str) -> None:
    """Says that it is a copy, and how to begin; pictures of ours are not here."""
    begin = (
        f"# {name}\n\nMade from {model}, whose page follows. Here its commands are `aos build`, "
        "`aos check`, `aos run` and `aos-tui .`\n\n"
    )
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    kept = re.sub(r"(?m)^!\[[^]]*\]\(\.\..*\)\n+", "", text)
    file.write_text(begin + kept.replace("# ", "## ", 1), encoding="utf-8")


def _workspace(root: Path, crates: list[Path]) -> None:
    """A cargo workspace as ours, with the SDK and these crates instead of all."""
    ours = reducers_root()
    shared = _shared_members(ours)
    root.mkdir(exist_ok=True)
    for source in [*(ours / member for member in shared), *crates]:
        target = root / (source.relative_to(ours) if source.is_relative_to(ours) else source.name)
        if not target.exists():
            shutil.copytree(source, target, ignore=_LEFT)
    names = [crate.name for crate in crates]
    manifest = (ours / "Cargo.toml").read_text(encoding="utf-8")
    listed = f"members = {json.dumps([*shared, *names])}"
    manifest = re.sub(r"(?ms)^members = \[.*?\]", lambda _: listed, manifest, count=1)
    (root / "Cargo.toml").write_text(manifest, encoding="utf-8")
    packages = [_manifest(root / member) for member in (*shared, *names)]
    lock = _lock((ours / "Cargo.lock").read_text(encoding="utf-8"), packages)
    (root / "Cargo.lock").write_text(lock, encoding="utf-8")


def _shared_members(workspace: Path) -> list[str]:
    """The members that are libraries: the SDK and its macros."""
    libraries = (path for path in members(workspace) if not is_reducer(path))
    return [path.relative_to(workspace).as_posix() for path in libraries]


def _lock(ours: str, packages: Sequence[Mapping[str, Any]]) -> str:
    """Our lock file with what these packages need, as cargo would write it: a build takes it as
    it is (``--locked``), and nothing has to be resolved anew."""
    head, *blocks = ours.split("[[package]]\n")
    known = {tomllib.loads(block)["name"]: block for block in blocks}
    version = _manifest(reducers_root())["workspace"]["package"]["version"]
    for package in packages:
        name = package["package"]["name"]
        known.setdefault(name, _block(name, version, sorted(package.get("dependencies", {}))))
    needed: set[str] = set()
    waiting = [package["package"]["name"] for package in packages]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [of.split()[0] for of in tomllib.loads(known[name]).get("dependencies", [])]
    kept = [known[name].strip() for name in sorted(needed)]
    return head + "\n\n".join(f"[[package]]\n{block}" for block in kept) + "\n"


def _block(name: str, version: str, dependencies: list[str]) -> str:
    lines = [f'name = "{name}"', f'version = "{version}"']
    if dependencies:
        lines += ["dependencies = [", *(f' "{of}",' for of in dependencies), "]"]
    return "\n".join(lines)


def _scenario_test(tests: Path) -> None:
    """A test that fits every world, where the model has none of its own; what a session was
    exported to is another one."""
    if not (tests / "test_world.py").exists():
        tests.mkdir(exist_ok=True)
        (tests / "test_world.py").write_text(_SCENARIO_TEST, encoding="utf-8")


_SCENARIO_TEST = '''"""Every scenario of this world ends as it says, and replays."""

from aos_core.testing import Play


def test_a_scenario(play: Play, aos_scenario: str) -> None:
    play(aos_scenario)
'''


def _manifest(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))
