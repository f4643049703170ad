"""``run``: scenarios, played, checked and replayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aos_core.cli import completion
from aos_core.cli.build import build_stale, build_world, require
from aos_core.cli.interrupts import held
from aos_core.cli.options import HERE, ForceBuild, OrderText, RequireHashes, Seed, command
from aos_core.cli.output import Out
from aos_core.errors import UsageError
from aos_core.files import WorldFiles, bundled_worlds, find_world
from aos_core.progress import StageProgress

if TYPE_CHECKING:
    from aos_core.scenario import Order, Run

commands = typer.Typer()

NOT_AS_EXPECTED = 1

Worlds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORLD",
        help="Worlds; the one here, if none is named.",
        autocompletion=completion.worlds,
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every world that ships.")]
Only = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        metavar="S",
        help="One scenario; else all, or with --order or --seed the default one.",
        show_default=False,
        autocompletion=completion.scenarios,
    ),
]


@command(commands, "run")
def run_worlds(
    out: Out,
    worlds: Worlds = None,
    all: All = False,
    scenario: Only = None,
    order: OrderText = None,
    seed: Seed = None,
    force_build: ForceBuild = False,
    require_hashes: RequireHashes = False,
) -> int:
    """Play scenarios and check them.

    Each into the branch of its name, which starts empty; then what it expects is checked, and
    the whole branch is replayed and compared. With --all a table instead of the stories.
    """
    from aos_core.scenario import Order, parse_order

    if all and worlds:
        raise UsageError("name worlds or give --all, not both")
    if order is not None and seed is not None:
        raise UsageError("give --order or --seed, not both")
    chosen = Order(seed=seed) if order is None else parse_order(order)
    names = [str(of.path) for of in bundled_worlds()] if all else worlds or [HERE]
    for name in names:
        files = WorldFiles.read(find_world(name))
        if force_build:
            build_world(out, files, force=True)
        else:
            build_stale(out, files)
        if require_hashes:
            require(name)
    plans = [of for name in names for of in _scenarios(name, scenario, chosen != Order())]
    told: list[dict[str, Any]] = []
    rows: list[Row] = []
    for run in _played(out, plans, chosen, one_bar=all):
        with run.world:
            rows.append(Row.of(run))
            if out.json:
                told.append(run.to_json())
            elif not all:
                _tell(out, run)
    if out.json:
        out.document({"runs": told})
    elif all:
        _show_table(out, rows)
    if len(rows) > 1 and not out.json:
        _sum_up(out, rows)
    return NOT_AS_EXPECTED if _failed(rows) else 0


def _played(out: Out, plans: list[tuple[str, str]], order: Order, one_bar: bool) -> Iterator[Run]:
    """Each run, once it is over: with a bar for all of them, or some for each."""
    if one_bar:
        with out.progress(f"{len(plans)} runs") as progress:
            for done, (root, name) in enumerate(plans):
                progress(done, len(plans))
                yield _play(out, root, name, order, lambda *_: None)
            progress(len(plans), len(plans))
        return
    for root, name in plans:
        with out.several() as parts:
            run = _play(out, root, name, order, parts)
        yield run


def _play(out: Out, root: str, name: str, order: Order, show: StageProgress) -> Run:
    """One run. An interrupt ends it between two steps; how far it came is said."""
    from aos_core.scenario import run_scenario

    came = ""
    with held() as interrupted:

        def progress(what: str, done: int, total: int) -> None:
            nonlocal came
            came = f"{what}, {done:,} of {total:,}"
            show(what, done, total)
            if interrupted:
                raise KeyboardInterrupt

        try:
            return run_scenario(root, name, order=order, progress=progress, fast=True)
        except KeyboardInterrupt:
            where = f"branch {name}{order.suffix} keeps the steps that were played"
            out.notice(f"interrupted: {came}; {where}" if came else "interrupted")
            raise


@dataclass(frozen=True, slots=True)
class Row:
    """What of a run stands in the table; ``wrong`` says what did not hold."""

    world: str
    branch: str
    records: int
    root: str
    expected: int
    wrong: tuple[str, ...]

    @classmethod
    def of(cls, run: Run) -> Row:
        wrong = [item.text for item in run.expectations if not item.ok]
        if run.report.divergence is not None:
            wrong.append(f"replay: {run.report.divergence.describe()}")
        world = run.world
        return cls(
            world.files.config.name,
            world.branch,
            run.report.records,
            world.root.hex()[:12],
            len(run.expectations),
            tuple(wrong),
        )


def _scenarios(world: str, scenario: str | None, ordered: bool) -> list[tuple[str, str]]:
    """(root, scenario) of what is to be played."""
    files = WorldFiles.read(find_world(world))
    if scenario is not None:
        files.scenario_path(scenario)
        return [(str(files.root), scenario)]
    if ordered:
        default = files.config.default_scenario
        if default is None:
            raise UsageError(
                f"{files.config.name} has no default scenario", hint="name one with --scenario"
            )
        return [(str(files.root), default)]
    if not files.scenarios:
        raise UsageError(
            f"{files.config.name} has no scenarios", hint="write one into scenarios/*.toml"
        )
    return [(str(files.root), name) for name in files.scenarios]


def _tell(out: Out, run: Any) -> None:
    from aos_core.story import story

    out.print(*story(run, out.console.width), "")


def _show_table(out: Out, rows: Sequence[Row]) -> None:
    """A line for each world and scenario, and below it what did not hold."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name, side in COLUMNS:
        table.add_column(name, justify=side, no_wrap=True)
    for row in rows:
        mark = Text("✗ failed", "red") if row.wrong else Text("✓ verified", "green")
        table.add_row(row.world, row.branch, str(row.records), row.root, str(row.expected), mark)
    out.print(table)
    for row in rows:
        for text in row.wrong:
            out.print(Text.assemble(("✗ ", "red"), f"{row.world} {row.branch}: {text}"))


COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("world", "left"),
    ("scenario", "left"),
    ("records", "right"),
    ("root", "left"),
    ("expected", "right"),
    ("", "left"),
)


def _failed(rows: Sequence[Row]) -> list[str]:
    return [f"{row.world} {row.branch}" for row in rows if row.wrong]


def _sum_up(out: Out, rows: Sequence[Row]) -> None:
    from rich.text import Text

    if failed := _failed(rows):
        out.print(Text(f"✗ {len(failed)} of {len(rows)} runs failed: {', '.join(failed)}", "red"))
    else:
        out.print(Text(f"✓ {len(rows)} runs, all as expected and verified", "green"))
