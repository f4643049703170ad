"""The arguments of ``aos-tui``. Imports nothing that is slow, so that ``--help`` is quick."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

PACE = 0.4
"""Seconds between two turns when a scenario plays to its end."""
POLL = 0.1
"""Seconds between two looks at the file of the journal: what comes in it is seen in 0.2 s."""

HOST, PORT = "localhost", 8000
"""Where ``--web`` serves, if nothing else is said."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to open and how. No ``world``: a person picks one. No ``branch``: the one that was shown
    last, else main; :attr:`names_place` says when that is main. ``size`` in columns and rows;
    ``pace`` in seconds a turn; ``poll`` in seconds, 0 for never. ``web``: the host and port at
    which browsers are served, and ``names`` by which they may call this machine beside its
    addresses."""

    world: str = ""
    branch: str | None = None
    scenario: str | None = None
    at: int | None = None
    theme: str | None = None
    watch: bool = False
    memory: bool = False
    tour: bool = False
    web: tuple[str, int] | None = None
    names: tuple[str, ...] = ()
    headless: bool = False
    size: tuple[int, int] = (120, 40)
    keys: tuple[str, ...] = ()
    screenshot: Path | None = None
    dump: Path | None = None
    pace: float = PACE
    poll: float = POLL

    @property
    def returns(self) -> bool:
        """Whether the world opens as it was left, and how it is left is remembered: for people, and
        where there is something to come back to."""
        return not (self.headless or self.memory)

    @property
    def names_place(self) -> bool:
        """Whether the place to begin at was named: a branch, or a height, which is of main."""
        return self.branch is not None or self.at is not None


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Options of the command line; exits with code 2 where they make no sense."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if not given.headless and (given.keys or given.screenshot or given.dump):
        parser.error("--keys, --screenshot and --dump go with --headless")
    if not given.world and (given.branch or given.scenario or given.at is not None):
        parser.error("--branch, --scenario and --at go with WORLD; . is the folder you are in")
    if given.tour and (given.world or given.branch or given.scenario or given.at is not None):
        parser.error("--tour has a world of its own")
    if given.web and given.headless:
        parser.error("--web serves a person, --headless is for programs: one of them")
    if not given.web and (given.host or given.port is not None or given.allow_host):
        parser.error("--host, --port and --allow-host go with --web")
    watch = given.watch
    if watch is None:
        watch = not (given.headless or given.memory)
    return Options(
        world=given.world or "",
        branch=given.branch,
        scenario=given.scenario,
        at=given.at,
        theme=given.theme,
        watch=watch,
        memory=given.memory,
        tour=given.tour,
        web=(given.host or HOST, PORT if given.port is None else given.port) if given.web else None,
        names=tuple(given.allow_host),
        headless=given.headless,
        size=given.size,
        keys=given.keys,
        screenshot=given.screenshot,
        dump=given.dump,
        pace=0.0 if given.headless else PACE,
        poll=0.0 if given.headless else POLL,
    )


def words_of(options: Options) -> list[str]:
    """The arguments that open the same in another process."""
    named = {"branch": options.branch} if options.world else {}
    named |= {name: getattr(options, name) for name in ("scenario", "at", "theme")}
    return [
        *filter(None, [options.world]),
        *(f"--{name}={value}" for name, value in named.items() if value is not None),
        "--watch" if options.watch else "--no-watch",
        *(f"--{name}" for name in ("memory", "tour") if getattr(options, name)),
    ]


class _Version(argparse.Action):
    """Looks the version up where it is asked for, and nowhere else."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        sys.stdout.write(f"aos-tui {version('aos-tui')}\n")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aos-tui", description="See, simulate and prove a world of agents."
    )
    add = parser.add_argument
    add("--version", action=_Version, nargs=0, help="say which version this is")
    add("world", nargs="?", metavar="WORLD",
        help="a world's directory, slug or number (without one: pick it)")  # fmt: skip
    add("--branch", metavar="B",
        help="the journal to open (default: the one shown last, else main)")  # fmt: skip
    add("--scenario", metavar="S", help="whose answers are prepared and whose steps t plays")
    add("--at", type=int, metavar="H",
        help="the height to show first, of main or of B (default: the live end)")  # fmt: skip
    add(
        "--theme",
        metavar="T",
        help="aos-dark, aos-light, aos-safe (for colour-blind eyes), or one of Textual's",
    )
    add("--watch", action=argparse.BooleanOptionalAction, default=None,
        help="offer a reducer that was rebuilt (default: yes, but not with --memory)")  # fmt: skip
    add("--memory", action="store_true",
        help="keep the journal in memory, with simulated time: nothing is written")  # fmt: skip
    add("--tour", action="store_true",
        help="five steps through a world that is thrown away afterwards")  # fmt: skip
    add("--web", action="store_true", help="serve the app to a browser, until ctrl+c")
    add("--host", metavar="H", help=f"with --web: the address to listen at (default: {HOST})")
    add("--port", type=_port, metavar="P",
        help=f"with --web: the port (default: {PORT}; 0: a free one)")  # fmt: skip
    add("--allow-host", action="append", default=[], type=_host, metavar="NAME",
        help="with --web: a name by which browsers may call this machine, beside its addresses; "
        "may be given several times")  # fmt: skip
    add("--headless", action="store_true", help="press --keys without a terminal, then exit")
    add("--size", type=_size, default=(120, 40), metavar="120x40", help="columns x rows")
    add("--keys", type=_keys, default=(), metavar="t,R,v",
        help="Textual's names of keys, comma between them; text:hello types hello")  # fmt: skip
    add("--screenshot", type=Path, metavar="FILE.svg", help="where to write the last screen")
    add("--dump", type=Path, metavar="FILE.json", help="where to write what the app knows")
    return parser


def _size(text: str) -> tuple[int, int]:
    columns, _, rows = text.partition("x")
    if not (columns.isdecimal() and rows.isdecimal() and int(columns) and int(rows)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give columns x rows, as in 120x40")
    return int(columns), int(rows)


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to 65535")
    return int(text)


def _host(text: str) -> str:
    name = host_name(text)
    if name is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no name; give one as in tower.example")
    return name


def host_name(host: str) -> str | None:
    """The name in a host header or the like, without a port; None where there is none."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return None
    return name.rstrip(".") if name else None


def _keys(text: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in text.split(",") if key.strip())
