"""``run``: scenarios, played, checked and replayed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from aos_core.cli import completion
from aos_core.cli.build import build_stale, build_world
from aos_core.cli.options import HERE, ForceBuild, OrderText, Seed, command
from aos_core.cli.output import Out
from aos_core.errors import UsageError
from aos_core.files import WorldFiles, bundled_worlds, find_world

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
) -> int:
    """Play scenarios and check them.

    Each into the branch of its name, which starts empty; then what it expects is checked, and
    the whole branch is replayed and compared.
    """
    from aos_core.scenario import Order, parse_order, run_scenario

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
    plans = [of for name in names for of in _scenarios(name, scenario, chosen != Order())]
    told: list[dict[str, Any]] = []
    failed: list[str] = []
    for root, name in plans:
        with out.progress(f"{name}: orders") as progress:
            run = run_scenario(root, name, order=chosen, progress=progress)
        with run.world:
            if not run.ok:
                failed.append(f"{run.world.files.config.name} {run.world.branch}")
            if out.json:
                told.append(run.to_json())
            else:
                _tell(out, run)
    if out.json:
        out.document({"runs": told})
    elif len(plans) > 1:
        _sum_up(out, len(plans), failed)
    return NOT_AS_EXPECTED if failed else 0


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
    from aos_core.cli.story import story

    out.print(*story(run, out.console.width), "")


def _sum_up(out: Out, count: int, failed: list[str]) -> None:
    from rich.text import Text

    if failed:
        out.print(Text(f"✗ {len(failed)} of {count} runs failed: {', '.join(failed)}", "red"))
    else:
        out.print(Text(f"✓ {count} runs, all as expected and verified", "green"))
