"""The app's own themes: what can be read in them, and what of them is remembered."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from textual.color import Color as Colour
from textual.theme import Theme

from aos_tui.chips import HUES, chip, chip_styles
from aos_tui.themes import CURSOR, OWN
from tests.tui.driving import Driver, opened, painted

EIGHTHS = set("▁▂▃▄▅▆▇")
"""The ends of Textual's scrollbars."""
LEAST = 4.5
"""The contrast that WCAG 2.1 asks of text (1.4.3)."""

SCREENS: dict[str, tuple[str, ...]] = {
    "asked": ("t",),
    "event": ("e",),
    "record": ("enter",),
    "help": ("question_mark",),
    "plan": ("tab", "down"),
    "state": ("tab", "down"),
    "pending": ("tab", "space"),
    "break": ("x",),
    "receipt": ("i",),
    "shuffle": ("S",),
    "verified": ("R", "v"),
    "filtering": ("slash", "text:kind:receipt"),
}
"""Keys by what they lead to, one after the other; esc follows each."""

Matrix = tuple[tuple[float, float, float], ...]
PROTAN: Matrix = (
    (0.152286, 1.052583, -0.204868),
    (0.114503, 0.786281, 0.099216),
    (-0.003882, -0.048116, 1.051998),
)
DEUTAN: Matrix = (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.011820, 0.042940, 0.968881),
)
"""What linear red, green and blue look like without one kind of cone: Machado, Oliveira and
Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), at
severity 1."""

Pair = tuple[ColorTriplet, ColorTriplet]


def linear(of: int) -> float:
    share = of / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def seen_by(missing: Matrix, rgb: tuple[int, int, int]) -> list[float]:
    """A colour, linear, as eyes see it that lack what ``missing`` lacks."""
    given = [linear(of) for of in rgb]
    return [sum(map(operator.mul, row, given)) for row in missing]


def lab(rgb: list[float]) -> tuple[float, float, float]:
    """Linear sRGB as CIE L*a*b* (D65): in it, distance is how much colours differ."""
    to_xyz = (0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)
    white = 0.9505, 1.0, 1.089
    x, y, z = (
        math.cbrt(max(0.0, sum(map(operator.mul, row, rgb))) / of)
        for row, of in zip(to_xyz, white, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def luminance(of: ColorTriplet) -> float:
    red, green, blue = map(linear, of)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(pair: Pair) -> float:
    dark, light = sorted(map(luminance, pair))
    return (light + 0.05) / (dark + 0.05)


def texts(on: Driver) -> Iterator[tuple[str, Style]]:
    """What can be read on the screen as it is painted, lines and bars left out; of a dialog not
    what lies dimmed behind it."""
    screen = on.app.screen
    seen = screen.query_one("#dialog").region if screen.is_modal else screen.region
    for strip in painted(on.app)[seen.y : seen.bottom]:
        for segment in strip.crop(seen.x, seen.right):
            if segment.style is not None and any(of.isalnum() for of in segment.text):
                yield segment.text, segment.style


def colours(style: Style) -> Pair:
    assert style.color is not None and style.bgcolor is not None
    pair = style.color.get_truecolor(), style.bgcolor.get_truecolor()
    return pair[::-1] if style.reverse else pair


def console(of: ColorTriplet) -> ColorTriplet:
    """A colour as a terminal of 16 shows it."""
    return (
        Color.from_triplet(of)
        .downgrade(ColorSystem.STANDARD)
        .get_truecolor(DEFAULT_TERMINAL_THEME)
    )  # fmt: skip


def grey(pair: Pair) -> bool:
    return all(len(set(of)) == 1 for of in pair)


async def unreadable(on: Driver, good: Callable[[Pair], bool]) -> list[str]:
    found = []
    for name, keys in SCREENS.items():
        await on.keys(*keys)
        on.app.clear_notifications()
        await on.pilot.pause()
        found += [
            f"{name}: {text.strip()!r} {contrast(colours(style)):.1f} {style}"
            for text, style in texts(on)
            if not good(colours(style))
        ]
        await on.keys("escape")
    return found


@pytest.mark.parametrize("theme", [theme.name for theme in OWN])
async def test_every_text_has_contrast_also_in_sixteen_colours(theme: str) -> None:
    def good(pair: Pair) -> bool:
        return contrast(pair) >= LEAST and contrast((console(pair[0]), console(pair[1]))) >= 3

    async with opened(theme=theme) as on:
        assert on.app.theme == theme
        assert await unreadable(on, good) == []


@pytest.mark.parametrize("theme", [theme.name for theme in OWN])
@pytest.mark.parametrize("where", ["picker", "tour"])
async def test_so_it_has_before_one_is_in_a_world(where: str, theme: str) -> None:
    async with opened("", theme=theme, tour=where == "tour") as on:
        seen = [*texts(on)]
        if where == "tour":
            await on.keys("T", "comma", "f")
            seen += texts(on)
        words = " ".join(text for text, _ in seen)
        assert ("Tour 4 of 5" in words) if where == "tour" else ("Take the tour" in words)
        low = [(text, style) for text, style in seen if contrast(colours(style)) < LEAST]
        assert low == []


async def test_without_colour_it_has_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(theme="aos-light") as on:
        assert await unreadable(on, lambda pair: grey(pair) and contrast(pair) >= LEAST) == []


@pytest.mark.parametrize("theme", [theme for theme in OWN if theme.dark])
def test_sixteen_colours_show_the_row_under_the_cursor(theme: Theme) -> None:
    grounds = (Colour.parse(of) for of in (theme.background or "", theme.variables[CURSOR]))
    ground, row = (console(ColorTriplet(*of.rgb)) for of in grounds)
    assert ground != row


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_in_the_terminals_own_colours_no_text_has_the_colour_of_its_ground(
    theme: str,
) -> None:
    async with opened(theme=theme) as on:
        for keys in (("t",), ("tab", "down"), ("R",)):
            await on.keys(*keys)
            same = [text for text, style in texts(on) if style.color == style.bgcolor]
            assert same == []


async def test_where_there_is_no_unicode_dialogs_are_drawn_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "linux")
    async with opened(size=(120, 40)) as on:
        for name, keys in (*SCREENS.items(), ("why", ("w",)), ("branches", ("u", "B"))):
            await on.keys(*keys)
            odd = {of for of in on.screen if not of.isascii()} - EIGHTHS
            assert not odd, f"{name}: {odd}"
            await on.keys("escape")


@pytest.mark.parametrize("missing", [PROTAN, DEUTAN], ids=["protanopia", "deuteranopia"])
def test_what_is_well_and_what_is_not_differ_without_red_or_green(missing: Matrix) -> None:
    (safe,) = (theme for theme in OWN if theme.name == "aos-safe")
    roles = {name: safe.variables[f"text-{name}"] for name in ("success", "error", "warning")}
    seen = {name: lab(seen_by(missing, Colour.parse(of).rgb)) for name, of in roles.items()}
    for one, other in combinations(seen, 2):
        assert math.dist(seen[one], seen[other]) > 30, (one, other)


async def test_a_theme_that_is_chosen_is_the_next_ones_too(remembered: Path) -> None:
    async with opened() as on:
        before = on.app.theme
        assert before not in ("aos-light", "aos-safe")
        on.app.theme = "aos-light"
        await on.pilot.pause()
    assert json.loads(remembered.read_text())["theme"] == "aos-light"
    async with opened() as on:
        assert on.app.theme == "aos-light"
    async with opened(theme="aos-safe") as on:
        assert on.app.theme == "aos-safe"
    assert json.loads(remembered.read_text())["theme"] == "aos-light"
    async with opened(headless=True) as on:
        assert on.app.theme == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"theme": 3, "recent": 4}', '{"theme": "none"}'])
async def test_a_file_that_makes_no_sense_counts_as_none(remembered: Path, text: str) -> None:
    remembered.write_text(text)
    async with opened() as on:
        assert on.snapshot.height == 0
        on.app.theme = "aos-light"
        await on.pilot.pause()
        assert on.errors == []
    assert json.loads(remembered.read_text())["theme"] == "aos-light"


async def test_a_file_that_cannot_be_written_is_no_trouble(remembered: Path) -> None:
    remembered.unlink()
    remembered.mkdir()
    async with opened() as on:
        on.app.theme = "aos-light"
        await on.keys("t")
        assert (on.snapshot.height, on.errors) == (16, [])


async def test_the_size_is_spoken_of_once(remembered: Path) -> None:
    remembered.unlink()
    async with opened(size=(100, 30)) as on:
        assert on.said == []
    async with opened() as on:
        assert on.said == ["this terminal is 80x24: all works; 100x30 or more is comfortable"]
    async with opened() as on:
        assert on.said == []


@pytest.mark.parametrize("dark", [True, False])
def test_every_chip_can_be_read_and_no_two_hues_look_the_same(dark: bool) -> None:
    pairs = [colours(style) for style in chip_styles(dark)]
    assert len(set(pairs)) == len(pairs) == HUES
    assert min(map(contrast, pairs)) >= LEAST
    assert min(contrast((console(text), console(ground))) for text, ground in pairs) >= 3
    assert {chip(bytes([of] * 32))[1] for of in range(256)} == {f"chip{of}" for of in range(HUES)}
