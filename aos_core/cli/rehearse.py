"""``rehearse``: the whole history again with other code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_core.cli import completion
from aos_core.cli.opening import exit_code, open_world
from aos_core.cli.options import Branch, GivenWorld, command
from aos_core.cli.output import Out
from aos_core.cli.stopping import stopped_cleanly
from aos_core.errors import ModuleMissing, UsageError

if TYPE_CHECKING:
    from aos_core.other_code import Code
    from aos_core.rehearsal import Listed, Rehearsal
    from aos_core.rehearse_folder import Told
    from aos_core.scenario_file import Scenario
    from aos_core.world import World

DIFFERS = 1
"""The exit code of a rehearsal that comes out otherwise."""

MOST_SHOWN = 20
"""So many lines of a list people are shown; ``--json`` has more."""

commands = typer.Typer()

ModuleName = Annotated[
    str | None,
    typer.Argument(
        metavar="MODULE",
        help="A module, to be replaced throughout.",
        show_default=False,
        autocompletion=completion.reducers,
    ),
]
WasmFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE.wasm",
        help="What it is replaced by; .wat too.",
        show_default=False,
        dir_okay=False,
    ),
]
WithDisk = Annotated[
    bool,
    typer.Option("--with-disk", help="Instead of one module: everything as the files on disk say."),
]
Keep = Annotated[bool, typer.Option("--keep", help="Keep what comes out, as a new branch.")]
KeepAs = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="NAME",
        help="What the new branch is called; main+rehearsed, if left out.",
        show_default=False,
    ),
]
AnswerText = Annotated[
    str,
    typer.Option(
        "--answer",
        metavar="pending|scenario[=NAME]",
        help="What happens to effects for which no receipt was recorded: they stay pending, or a "
        "scenario answers them.",
        autocompletion=completion.answers,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="An effect with other params is another one: it does not get the receipt that was "
        "recorded in its place.",
    ),
]
Over = Annotated[
    Path | None,
    typer.Option(
        "--over",
        metavar="FOLDER",
        help="Rehearse every branch of the worlds in a folder, a line each.",
        show_default=False,
        file_okay=False,
        exists=True,
    ),
]


@command(commands, "rehearse")
def rehearse(
    out: Out,
    world: GivenWorld,
    module: ModuleName = None,
    wasm: WasmFile = None,
    with_disk: WithDisk = False,
    keep: Keep = False,
    keep_as: KeepAs = None,
    answer: AnswerText = "pending",
    strict: Strict = False,
    over: Over = None,
    branch: Branch = "main",
) -> int:
    """Run the whole history again with other code.

    Every recorded input comes again, with its clock and its receipts. Says how many records come
    out otherwise, the first of them, how the states at the end differ, and which effects would
    not have been asked for, or would have been besides. Nothing is written without --keep. Exits
    with 1 where anything differs.
    """
    code = _code_for(world, module, wasm, with_disk)
    with stopped_cleanly():
        if over is not None:
            if keep or keep_as is not None:
                raise UsageError("--keep keeps one branch: leave out --over")
            return _over(out, over, code, _answers(answer, world), strict)
        return _one(out, world, branch, code, answer, strict, keep_as or keep)


def _code_for(
    world: str, module: str | None, wasm: Path | None, with_disk: bool
) -> Callable[[World], Code]:
    """What makes the code to rehearse with, for any world. Raises :class:`UsageError`."""
    from aos_core.build.texts import read_module
    from aos_core.files import WorldFiles, find_world
    from aos_core.other_code import with_files, with_module

    if with_disk and module is None:
        files = WorldFiles.read(find_world(world))
        return lambda of: with_files(of, files)
    if with_disk or module is None or wasm is None:
        raise UsageError(
            "say what to rehearse with: MODULE and FILE.wasm, or --with-disk",
            hint="aos rehearse WORLD demo/Counter@1 counter.wasm",
        )
    try:
        data = read_module(wasm)
    except OSError as error:
        raise UsageError(f"{wasm} cannot be read: {error.strerror}", file=wasm) from error

    def code(of: World) -> Code:
        try:
            return with_module(of, module, data)
        except ModuleMissing as error:
            raise ModuleMissing(error.message, hint=error.hint, module=module, file=wasm) from error

    return code


def _answers(text: str, world: str) -> Scenario | None:
    """The scenario of ``--answer``; None for ``pending``. Raises :class:`UsageError`."""
    from aos_core.files import WorldFiles, find_world
    from aos_core.scenario_file import read_scenario

    what, _, name = text.partition("=")
    if text == "pending":
        return None
    files = WorldFiles.read(find_world(world))
    chosen = name or files.config.default_scenario
    if what != "scenario" or chosen is None:
        names = ", ".join(f"scenario={of}" for of in files.scenarios)
        raise UsageError(f"--answer {text} says nothing here", hint=f"pending, {names}")
    return read_scenario(files.scenario_path(chosen))


def _one(
    out: Out,
    world: str,
    branch: str,
    code: Callable[[World], Code],
    answer: str,
    strict: bool,
    keep: str | bool,
) -> int:
    from aos_core.rehearse import rehearse, rehearsed_name

    answers = _answers(answer, world)
    with (
        open_world(out, world, branch, beside_disk=True) as opened,
        out.progress("rehearsing") as progress,
    ):
        name = rehearsed_name(opened) if keep is True else keep or None
        found = rehearse(
            opened, code(opened), answers=answers, strict=strict, keep=name, progress=progress
        )
        trouble = exit_code(out, opened)
    if out.json:
        out.document(found.to_json())
    else:
        _show(out, found)
        if name is not None:
            out.text(f"kept as branch {name}, root {found.to_json()['root'][:19]}")
            out.text(f"  `aos verify {world} --branch {name}`; {branch} is as it was")
    return trouble or (0 if found.same else DIFFERS)


def _over(
    out: Out,
    folder: Path,
    code: Callable[[World], Code],
    answers: Scenario | None,
    strict: bool,
) -> int:
    from aos_core.rehearse_folder import rehearse_folder

    told, worst = [], 0
    with out.several() as progress:
        for of in rehearse_folder(
            folder, code, answers=answers, strict=strict, progress=progress, fast=True
        ):
            told.append(of.to_json())
            worst = max(worst, _worst(of))
            if not out.json:
                _line(out, of)
    if out.json:
        out.document(told)
    return worst


def _worst(of: Told) -> int:
    if of.error is not None:
        return of.error.exit_code
    return 0 if of.rehearsal is not None and of.rehearsal.same else DIFFERS


def _line(out: Out, of: Told) -> None:
    if of.rehearsal is None:
        out.text(f"✗ {of.name}: {of.error.message if of.error else ''}")
        return
    first = of.rehearsal.first_difference
    more = "" if first is None else f"; first {first.describe()}"
    out.text(f"{'✓' if of.rehearsal.same else '∆'} {of.name}: {of.rehearsal.summary}{more}")


# -- for people -------------------------------------------------------------------------------


def _show(out: Out, found: Rehearsal) -> None:
    from rich.text import Text

    code = ", ".join(found.code) or "the same code"
    mark, colour = ("✓", "green") if found.same else ("∆", "yellow")
    out.print(Text(f"{mark} {code} {found.summary} records", colour))
    if found.first_difference is not None:
        _show_first(out, found)
    if not found.same:
        _show_diff(out, found)
    for title, listed, line in (
        ("effects not asked for any more", found.effects_lost, _lost_line),
        ("effects asked for only now", found.effects_new, _new_line),
        ("effects asked for otherwise", found.effects_changed, _changed_line),
        ("new faults", found.faults_new, _fault_line),
        ("faults that are gone", found.faults_gone, _fault_line),
        ("inputs refused", found.refused, lambda of: f"record {of['height']}: {of['text']}"),
    ):
        _show_list(out, title, listed, line)
    if found.left_out:
        out.text(f"replacements of this code in the history, left out: {found.left_out}")


def _show_first(out: Out, found: Rehearsal) -> None:
    from aos_core.words import plainly

    first = found.first_difference
    assert first is not None
    kind = first.record.get("k") if isinstance(first.record, dict) else None
    beside = "" if found.found_at in (None, first.height) else f", {found.found_at} in the new one"
    out.text(f"first difference at record {first.height}{f' ({kind})' if kind else ''}{beside}")
    for name in ("reducer", "cell", "field"):
        if (value := getattr(first, name)) is not None:
            out.text(f"  {name:<9}{value}")
    out.text(f"  expected {plainly(first.expected, 400)}")
    out.text(f"  found    {plainly(first.found, 400)}")


def _show_diff(out: Out, found: Rehearsal) -> None:
    from aos_core.present import NOTHING
    from aos_core.words import plainly

    def shown(value: Any) -> str:
        return "(nothing)" if value is NOTHING else plainly(value, 60)

    differ = f"differ in {_many(len(found.diff), 'place')}" if found.diff else "are the same"
    out.text(f"the states at the end {differ}")
    _lines(
        out,
        (f"{of.path}: {shown(of.before)} -> {shown(of.after)}" for of in found.diff),
        len(found.diff),
    )


def _show_list(out: Out, title: str, listed: Listed, line: Callable[[dict[str, Any]], str]) -> None:
    if listed.count:
        out.text(f"{title}: {listed.count}")
        _lines(out, map(line, listed.items), listed.count)


def _lines(out: Out, lines: Iterable[str], count: int) -> None:
    for _, line in zip(range(MOST_SHOWN), lines, strict=False):
        out.text(f"  {line}")
    if count > MOST_SHOWN:
        out.text(f"  and {count - MOST_SHOWN} more")


def _lost_line(of: dict[str, Any]) -> str:
    receipt = "no receipt was recorded" if of["receipt"] is None else f"receipt {of['receipt']}"
    return f"{_effect(of)}; {receipt}"


def _new_line(of: dict[str, Any]) -> str:
    if of["answer"] is not None:
        return f"{_effect(of)}; answered at {of['answer']}"
    return f"{_effect(of)}; {of.get('problem', 'pending')}"


def _changed_line(of: dict[str, Any]) -> str:
    from aos_core.words import asks_for, plainly

    now = asks_for(of["kind"], of["found"]["params"])
    if of["found"]["cap"] != of["cap"]:
        now = f"{now} under {plainly(of['found']['cap'])}"
    return f"{_effect(of)} -> {now}"


def _effect(of: dict[str, Any]) -> str:
    from aos_core.words import asks_for

    what = asks_for(of["kind"], of["params"]) if "kind" in of else "an effect"
    return what if of["height"] is None else f"record {of['height']}: {what}"


def _fault_line(of: dict[str, Any]) -> str:
    height = of["found_at"] if of["height"] is None else of["height"]
    return f"record {height}: {of['code']}: {of['text']}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
