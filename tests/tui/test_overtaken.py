"""A scenario whose steps find nothing, for a person was there before."""

from __future__ import annotations

from tests.tui.driving import opened, toasts

RETRY = "08"


async def test_a_step_that_finds_nothing_is_passed_over_and_that_is_said() -> None:
    async with opened(RETRY) as on:
        await on.keys("t", "R", "R", "R", "R", "R")
        assert "nothing is left to release" in on.screen
        await on.keys("t")
        (said,) = toasts(on)
        assert said.startswith("passed over, for nothing waits: release http.request")
        assert "u takes back" in said
        assert "next: check expectations" in on.screen


async def test_played_to_its_end_it_says_what_is_not_as_expected() -> None:
    async with opened(RETRY) as on:
        await on.keys("t", "R", "R", "R", "R", "R", "T")
        said = "\n".join(toasts(on))
        assert "release http.request, release timer.set" in said and "and 2 more" in said
        assert 'after step 2: demo/Retry@1.pc = "Waiting"; found "Done"' in said


async def test_what_waits_and_is_not_meant_is_named_with_the_way_on() -> None:
    async with opened(RETRY) as on:
        await on.keys("t", "R", "t")
        (said,) = toasts(on)
        assert "nothing pending has kind http.request" in said and "pending: timer.set" in said
        assert "r releases what waits, u goes back" in said


async def test_an_expectation_that_holds_is_said() -> None:
    async with opened(RETRY) as on:
        await on.keys("t", "t", "t")
        (said,) = toasts(on)
        assert said.startswith('after step 2, as expected: demo/Retry@1.pc = "Waiting"')
