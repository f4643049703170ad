"""What each verb of a scenario does."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import UsageError, ValueRejected
from aos_core.scenario import Player
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import TIMERS, module
from tests.scenarios import ANSWERS, FIRE, PAYLOAD, RELEASE, play, statuses
from tests.support import EVENT, PLAN, REDUCER, answering, patch_reducer, tiny_world


@pytest.mark.parametrize(
    ("release", "numbers"),
    [
        ('"all"', [1, 2, 3]),
        ("[2, 3, 1]", [2, 3, 1]),
        ("[3]", [3]),
        ('{ url = "https://example.com/api/b" }', [2]),
        ('{ kind = "http.request", step = "emit_c" }', [3]),
        (f'{{ plan = "{PLAN}", cap = "cap_http_aggregate", method = "GET" }}', [1, 2, 3]),
    ],
)
def test_release_in_all_its_forms(world: Path, release: str, numbers: list[int]) -> None:
    opened, player = play(world, ANSWERS + FIRE + f"[[steps]]\nrelease = {release}\n", until=1)
    by_hash = {item.intent_hash: item.n for item in opened.pending}
    turns = player.play_step()
    assert [by_hash[of.records[0]["intent"]] for of in turns] == numbers
    assert player.waves == [len(numbers)]


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("[4]", "there is no pending intent 4"),
        ('{ step = "emit_x" }', "nothing pending has step emit_x"),
    ],
)
def test_a_release_of_what_is_not_pending_writes_nothing(
    world: Path, release: str, words: str
) -> None:
    opened, player = play(world, ANSWERS + FIRE + f"[[steps]]\nrelease = {release}\n", until=1)
    before = opened.head
    with pytest.raises(UsageError, match=words):
        player.play_step()
    assert opened.head == before and player.next_step is not None


def test_a_release_without_an_answer_delivers_none_of_its_wave(world: Path) -> None:
    only_a = '[[answers]]\nmatch = { url = "https://example.com/api/a" }\nhttp = {}\n'
    opened, player = play(world, only_a + FIRE + RELEASE, until=1)
    before = opened.head
    with pytest.raises(UsageError, match="no answer is prepared") as caught:
        player.play_step()
    assert caught.value.code == "no_answer" and opened.head == before


def broken(world: Path, fault: str) -> tuple[World, list[dict[str, Any]]]:
    """The world after ``break``ing the first intent, and the receipts it journaled."""
    text = ANSWERS + FIRE + f'[[steps]]\nbreak = {{ n = 1, fault = "{fault}" }}\n'
    opened, _ = play(world, text)
    return opened, [dict(of.fields) for of in opened.records if of.kind == "receipt"]


@pytest.mark.parametrize(
    ("fault", "journaled"),
    [
        ("error", [("error", "settled")]),
        ("timeout", [("timeout", "settled")]),
        ("duplicate", [("ok", "settled"), ("ok", "late")]),
        ("late", [("timeout", "settled"), ("ok", "late")]),
        ("malformed", []),
        ("never", []),
    ],
)
def test_break_with_every_fault(world: Path, fault: str, journaled: list[tuple[str, str]]) -> None:
    opened, receipts = broken(world, fault)
    assert [(of["status"], of["outcome"]) for of in receipts] == journaled
    assert [item.n for item in opened.pending] == ([2, 3] if journaled else [1, 2, 3])
    assert_replays(opened)


@pytest.mark.parametrize("fault", ["error", "timeout"])
def test_a_broken_receipt_carries_the_zero_of_its_schema(world: Path, fault: str) -> None:
    _, (receipt,) = broken(world, fault)
    assert receipt["payload"] == {
        "status": 0, "headers": {}, "body_ref": None, "timings": {"start_ns": 0, "end_ns": 0},
        "adapter_id": "", "body_preview": "",
    }  # fmt: skip
    assert receipt["adapter_id"] == "scenario"


def test_what_was_asked_can_be_broken_without_an_answer(world: Path) -> None:
    for fault in ("error", "timeout", "never", "malformed"):
        play(world, FIRE + f'[[steps]]\nbreak = {{ n = 1, fault = "{fault}" }}\n')
    for fault in ("duplicate", "late"):
        with pytest.raises(UsageError, match="no answer is prepared"):
            play(world, FIRE + f'[[steps]]\nbreak = {{ n = 1, fault = "{fault}" }}\n')


def test_deliver_an_edited_receipt(world: Path) -> None:
    text = (
        ANSWERS
        + FIRE
        + "[[steps]]\ndeliver = { n = 2, receipt = { cost_cents = 3, payload = %s } }\n"
    )
    opened, _ = play(world, text % PAYLOAD + RELEASE)
    assert statuses(opened) == [200, 299, 200]
    edited = next(of for of in opened.records if of.kind == "receipt")
    assert (edited["cost_cents"], edited["adapter_id"]) == (3, "edited")


def test_an_edited_receipt_that_does_not_fit_is_rejected(world: Path) -> None:
    text = (
        ANSWERS
        + FIRE
        + "[[steps]]\ndeliver = { n = 2, receipt = { payload = { status = 1.5 } } }\n"
    )
    opened, player = play(world, text, until=1)
    with pytest.raises(ValueRejected):
        player.play_step()
    assert len(opened.pending) == 3
    for receipt in ({}, {"payload": 1, "stat": "ok"}):
        player.scenario.steps[1].value["receipt"] = receipt
        with pytest.raises(ValueRejected, match="a receipt is"):
            player.play_step()


def test_advance_moves_every_later_input_by_as_much(world: Path) -> None:
    text = "start_ns = 1_000\nstep_ns = 10\n" + ANSWERS + FIRE
    text += "[[steps]]\nadvance_ns = 500\n" + RELEASE + "[[steps]]\nadvance_ns = 7\n" + FIRE
    opened, _ = play(world, text)
    inputs = [frame.body["input"] for frame in opened.frames[1:]]
    assert [of["logical_ns"] for of in inputs] == [0, 510, 520, 530, 547]
    assert [of["at_ns"] for of in inputs] == [1000, 1510, 1520, 1530, 1547]


def test_swap_puts_other_wasm_in_force(world: Path) -> None:
    patch_reducer(world, b"fetch_c", b"fetch_C")
    (world / "other.wasm").write_bytes((world / "modules/Aggregator.wasm").read_bytes())
    patch_reducer(world, b"fetch_C", b"fetch_c")
    opened, _ = play(world, ANSWERS + FIRE + '[[steps]]\nswap = "other.wasm"\n' + FIRE)
    replaced = next(of for of in opened.records if of.kind == "manifest_replaced")
    assert replaced["changed"] == [REDUCER]
    pending = opened.state(REDUCER)["pending"]
    assert [of["handles"][2] for of in pending.values()] == ["fetch_c", "fetch_C"]
    with pytest.raises(UsageError, match="cannot be read"):
        play(world, '[[steps]]\nswap = "nowhere.wasm"\n')


def test_stamps_stand_before_the_hosts(world: Path) -> None:
    entropy = bytes(range(64))
    stamps = f'at_ns = 5\nlogical_ns = 6\nentropy_b64 = "{base64.b64encode(entropy).decode()}"\n'
    opened, _ = play(world, FIRE + stamps)
    stamped = opened.frames[-1].body["input"]
    assert (stamped["at_ns"], stamped["logical_ns"], stamped["entropy"]) == (5, 6, entropy)


def test_a_player_goes_on_after_the_last_step_its_branch_names(world: Path) -> None:
    text = ANSWERS + FIRE + RELEASE
    with World.open(world, scenario="basic") as opened:
        assert opened.scenario is not None
        Player(opened, opened.scenario).play_step()
        assert opened.frames[-1].body["input"]["source"] == {"scenario": "basic", "step": 0}
    with World.open(world, scenario="basic") as again:
        assert again.scenario is not None
        player = Player(again, again.scenario)
        assert player.next_step is not None and player.next_step.index == 1
        player.play()
        assert again.state(REDUCER)["pc"] == "Done"
        with pytest.raises(UsageError, match="at its end"):
            player.play_step()
    assert text


def test_steps_are_described_in_a_few_words(world: Path) -> None:
    text = FIRE + "[[steps]]\nrelease = [2, 1]\n" + RELEASE
    text += '[[steps]]\nbreak = { n = 1, fault = "late" }\n[[steps]]\nadvance_ns = 5\n'
    text += "[[steps]]\ndeliver = { n = 1, receipt = {} }\n[[steps]]\nexpect = {}\n"
    _, player = play(world, text, until=0)
    assert [player.describe(step) for step in player.scenario.steps] == [
        f"fire {EVENT} Start", "release 2, 1", "release all", "break 1: late", "advance 5 ns",
        "deliver 1 by hand", "expect",
    ]  # fmt: skip


# -- timers ------------------------------------------------------------------------------------


def timer_world(to: Path, due: int = 5_000_000_000) -> Path:
    """A reducer that asks for a timer whenever anything happens to it but its firing."""
    params = canon.encode({"deliver_at_ns": due, "key": None})
    output = {
        "state": b"\xf6",
        "effects": [{"kind": "timer.set", "params": params, "cap_slot": "default"}],
    }
    return tiny_world(
        to,
        module("demo/R@1", "demo/Go@1", emits=["timer.set"]),
        wasm={"R": answering(output)},
        routes=[("demo/Go@1", "demo/R@1")],
        grants=[TIMERS],
        bindings={"demo/R@1": {"default": "timers"}},
    )


def test_releasing_a_timer_moves_logical_time_to_when_it_is_due(tmp_path: Path) -> None:
    of = timer_world(tmp_path)
    text = (
        'step_ns = 10\n[[steps]]\nfire = { schema = "demo/Go@1", value = { who = "a", n = 1 } }\n'
    )
    opened, _ = play(of, text + RELEASE + text.partition("\n")[2])
    inputs = [frame.body["input"] for frame in opened.frames[1:]]
    assert [of["logical_ns"] for of in inputs] == [0, 5_000_000_000, 5_000_000_000]
    assert [of["at_ns"] - inputs[0]["at_ns"] for of in inputs] == [0, 10, 20]
    receipt = next(of for of in opened.records if of.kind == "receipt")
    assert receipt["payload"] == {"delivered_at_ns": 5_000_000_000, "key": None}
