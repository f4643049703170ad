"""A branch as a scenario, or the part of it that diverges; saved with the modules it names."""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from aos_core.errors import AosError, UsageError
from aos_core.files import WorldFiles
from aos_core.frames import Frame
from aos_core.free_names import free_name
from aos_core.journal import Frames
from aos_core.plain import clip
from aos_core.replay import Divergence
from aos_core.scenario_expect import expected
from aos_core.scenario_file import Expect
from aos_core.scenario_text import write_scenario
from aos_core.world import World

_MODULE = re.compile(r"modules/([0-9a-f]{64})\.wasm")


def scenario_of(
    world: World,
    until: int | None = None,
    *,
    title: str | None = None,
    expect: Expect | None = None,
    sources: bool = False,
) -> str:
    """The scenario of a branch up to height ``until`` (the turns that have ended by then), or to
    its end, with what holds there, unless ``expect`` says something else. ``sources``: see
    :func:`write_scenario`.

    Raises :class:`UsageError` for a height out of range, and what reading the store raises.
    """
    header, end = world.frames[0], last_end(world, until)
    frames = itertools.takewhile(lambda of: of.last_height <= end, rest(world.frames))
    name = world.files.config.name
    return write_scenario(
        title or f"{world.files.config.title}: branch {world.branch} up to height {end}",
        header,
        frames,
        world.program_of,
        world.history,
        expected(world.at(end)) if expect is None else expect,
        begins=manifest_on_disk(world),
        notes=[f"Written from branch {world.branch} of {name}, up to height {end}."],
        sources=sources,
    )


def last_end(world: World, until: int | None = None) -> int:
    """The height of the last turn that has ended by ``until``; the last height without it. Raises
    :class:`UsageError` for a height out of range."""
    if until is None or until == world.height:
        return world.height
    world.frame_at(until)  # is there such a height
    first, last = world.turn_bounds(until)
    return until if until == last else first - 1


def reproduction(
    world: World,
    divergence: Divergence,
    name: str = "reproduction",
    expect: Expect | None = None,
) -> str:
    """The scenario of all inputs up to the turn that diverged, to be saved under ``name``: what
    diverged stands at its head, and it expects what the journal says, unless ``expect`` says
    something else.

    Raises :class:`JournalDamaged` and what reading the store raises.
    """
    title = f"{world.files.config.title}: what diverges at height {divergence.height}"
    with world.read_anew() as travel:
        frames = travel.chain.frames
        until = itertools.takewhile(lambda of: of.height <= divergence.height, rest(frames))
        return write_scenario(
            title,
            frames[0],
            until,
            world.program_of,
            world.history,
            expect,
            begins=manifest_on_disk(world),
            notes=[*_diverged(world, divergence), f"Run it: aos run WORLD --scenario {name}"],
        )


def save_reproduction(world: World, divergence: Divergence) -> Path:
    """Write the reproduction beside the world's scenarios, under a free name; returns its file.

    Raises as :func:`reproduction` and :func:`save`."""
    folder, stem = world.files.home / "scenarios", f"diverges-at-{divergence.height}"
    name = free_name(stem, {of.stem for of in folder.glob("*.toml")})
    save(world, folder / f"{name}.toml", reproduction(world, divergence, name))
    return folder / f"{name}.toml"


def rest(frames: Frames) -> Iterator[Frame]:
    """All frames but the first, one after the other."""
    return (frames[index] for index in range(1, len(frames)))


def save(world: World, file: Path, text: str) -> None:
    """Write a scenario, and the modules that it names (see :func:`save_modules`). Raises
    :class:`UsageError` where that cannot be written, :class:`StoreDamaged` where the store lacks
    one."""
    save_modules(world, text)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    except OSError as error:
        raise _not_written(file, error) from error


def save_modules(world: World, text: str) -> list[Path]:
    """Write into the world's ``modules`` those modules that the swaps of a scenario name and that
    are not there, from the store; returns their files. Raises as :func:`save`."""
    swaps = [step["swap"] for step in tomllib.loads(text).get("steps", ()) if "swap" in step]
    paths = {path for of in swaps for path in ([of] if isinstance(of, str) else of.values())}
    written = []
    for path in sorted(paths):
        module = world.files.home / path
        if (named := _MODULE.fullmatch(path)) is not None and not module.exists():
            wasm = world.store.get(bytes.fromhex(named[1]), what="a module")
            try:
                module.parent.mkdir(exist_ok=True)
                module.write_bytes(wasm)
            except OSError as error:
                raise _not_written(module, error) from error
            written.append(module)
    return written


def _not_written(file: Path, error: OSError) -> UsageError:
    text = f"{file.name} cannot be written: {error.strerror}"
    return UsageError(text, file=file, code="not_written")


def manifest_on_disk(world: World) -> bytes | None:
    """The manifest that a fresh branch would begin with; None where the files are not sound."""
    try:
        return WorldFiles.read(world.files.root).catalog.manifest_hash
    except AosError:
        return None


def _diverged(world: World, of: Divergence) -> Iterator[str]:
    """What diverged, a line each."""
    kind = of.record.get("k", "root") if isinstance(of.record, dict) else "root"
    name = world.files.config.name
    yield f"Verification of branch {world.branch} of {name}: record {of.height} ({kind}) diverges."
    for part in ("reducer", "cell", "field"):
        if (value := getattr(of, part)) is not None:
            yield f"{part}: {value}"
    for part in ("expected", "found", "record"):
        yield f"{part}: {clip(json.dumps(getattr(of, part), ensure_ascii=False, default=str), 600)}"
