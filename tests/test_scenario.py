"""Scenarios: every verb, every answer, every expectation, every order."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.errors import UsageError, ValueRejected
from aos_core.hosts import LiveHost, SimulatedHost
from aos_core.scenario import Order, Player, Run, parse_order, run_scenario
from aos_core.scenario_file import read_scenario
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.kernel.worlds import NAT, TIMERS, await_, emit, end, module, plan, schema
from tests.support import (
    EVENT,
    PLAN,
    REDUCER,
    ROOT,
    answering,
    numbered,
    patch_reducer,
    tiny_world,
    write_scenario,
)

SCENARIOS = ("basic", "one-fails", "out-of-order", "two-at-once")

FIRE = f"""
[[steps]]
fire = {{ schema = "{EVENT}", value = {{ Start = {{ topic = "x",
  primary = {{ name = "a", url = "https://example.com/api/a", method = "GET" }},
  secondary = {{ name = "b", url = "https://example.com/api/b", method = "GET" }},
  tertiary = {{ name = "c", url = "https://example.com/api/c", method = "GET" }} }} }} }}
""".replace(",\n ", ",")
ANSWERS = """
[[answers]]
match = { kind = "http.request" }
http = { status = 200, json = { of = "{url}" } }
"""
RELEASE = '[[steps]]\nrelease = "all"\n'


def play(world: Path, text: str, until: int | None = None) -> tuple[World, Player]:
    """A scenario, written, and played in memory: all of it, or the steps before ``until``."""
    scenario = read_scenario(world / f"scenarios/{write_scenario(world, 'x', text)}.toml")
    host = SimulatedHost(scenario.seed, scenario.start_ns, scenario.step_ns)
    opened = World.open(world, memory=True, scenario="x", host=host)
    player = Player(opened, scenario)
    while player.next_step is not None and player.next_step.index != until:
        player.play_step()
    return opened, player


def run(world: Path, text: str, order: Order | None = None) -> Run:
    return run_scenario(world, write_scenario(world, "x", text), order=order, memory=True)


def failed(done: Run) -> list[str]:
    return [item.text for item in done.expectations if not item.ok]


def statuses(world: World) -> list[int]:
    found: list[int] = world.state(REDUCER)["last_statuses"]
    return found


# -- the example, in every order --------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_of_the_example_holds_and_is_proven(world: Path, name: str) -> None:
    done = run_scenario(world, name, memory=True)
    assert failed(done) == [] and done.report.ok and done.ok
    wanted = 120 if name == "two-at-once" else 6
    last = done.expectations[-1].text
    assert last.startswith(f"order free: {wanted} of 720" if wanted == 120 else "order free: all 6")


@pytest.mark.parametrize("name", ("basic", "out-of-order", "one-fails"))
def test_all_six_orders_end_in_one_root_and_one_state_by_six_histories(
    world: Path, name: str
) -> None:
    runs = [
        run_scenario(world, name, order=Order((order,)), memory=True)
        for order in itertools.permutations((1, 2, 3))
    ]
    assert all(of.ok for of in runs)
    assert len({of.world.root for of in runs}) == 1
    assert len({json.dumps(of.world.state(REDUCER)) for of in runs}) == 1
    assert len({of.world.head for of in runs}) == 6
    assert {of.world.branch for of in runs} >= {f"{name}+1,2,3", f"{name}+3,2,1"}


def test_equal_runs_have_equal_heads_whatever_disk_they_are_on(world: Path) -> None:
    in_memory = run_scenario(world, "basic", memory=True)
    with run_scenario(world, "basic").world as on_disk:
        assert on_disk.head == in_memory.world.head


def test_two_at_once_keeps_the_results_of_both_requests_apart(world: Path) -> None:
    with World.anew(world, "x", memory=True, scenario="two-at-once") as opened:
        assert opened.scenario is not None
        Player(opened, opened.scenario).play()
        results = opened.state(REDUCER)["results"]
        assert {key: of["topic"] for key, of in results.items()} == {"1": "first", "2": "second"}
        hashes = [asked.hash for asked in opened.history.all_asked()]
        assert len(hashes) == len(set(hashes)) == 6


RACE = """
[[answers]]
match = { kind = "demo.ask" }
payload = { n = 1 }
[[steps]]
fire = { schema = "demo/Go@1", value = { who = "a", n = 1 } }
[[steps]]
release = "all"
%s
[expect]
order_free = true
"""


def test_the_numbers_of_a_later_wave_may_depend_on_the_order_of_an_earlier_one(
    tmp_path: Path,
) -> None:
    steps = [emit("a"), emit("b"), await_("ra", "a"), await_("rb", "b"), emit("c")]
    edges = [("a", "ra"), ("b", "rb"), ("ra", "c"), ("c", "rc"), ("rc", "end"), ("rb", "end")]
    of = plan("demo/p@1", [*steps, await_("rc", "c"), end()], *edges)
    once_more = tiny_world(tmp_path, of, triggers=[("demo/Go@1", "demo/p@1")])
    name = write_scenario(once_more, "x", RACE % RELEASE)
    done = run_scenario(once_more, name, memory=True)
    assert failed(done) == []
    assert done.expectations[-1].text == "order free: all 2 orders end in one root"


def test_an_order_that_matters_is_named(tmp_path: Path) -> None:
    """Of two equal requests the second gets a derived key: which is which depends on the order."""
    plans = [
        plan(
            f"demo/{name}@1",
            [emit(name), await_("r", name), emit("last"), await_("never", "last")],
            (name, "r"), ("r", "last"), ("last", "never"),
        )
        for name in "pq"
    ]  # fmt: skip
    triggers = [("demo/Go@1", "demo/p@1"), ("demo/Go@1", "demo/q@1")]
    racing = tiny_world(tmp_path, *plans, triggers=triggers)
    done = run_scenario(racing, write_scenario(racing, "x", RACE % ""), memory=True)
    assert done.report.ok and not done.ok
    assert done.expectations[-1].text.startswith("order free: order 2,1 ends in sha256:")


# -- orders -----------------------------------------------------------------------------------


def test_an_order_is_read_wave_by_wave() -> None:
    assert parse_order("2,3,1+1,2") == Order(((2, 3, 1), (1, 2)))
    assert parse_order("2,3,1+1,2").suffix == "+2,3,1+1,2"
    assert Order(seed=7).suffix == "+seed-7" and Order().suffix == ""


@pytest.mark.parametrize("text", ["", "a", "1,,2", "1,1", "0,1", "1+", "-1"])
def test_what_is_no_order_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no order"):
        parse_order(text)


def test_an_order_of_other_numbers_or_of_more_waves_is_refused(world: Path) -> None:
    with pytest.raises(UsageError, match="wave 1 delivers 1, 2, 3, not 1,2"):
        run_scenario(world, "basic", order=parse_order("1,2"), memory=True)
    with pytest.raises(UsageError, match="orders 2 waves, but basic releases 1"):
        run_scenario(world, "basic", order=parse_order("1,2,3+1"))
    assert not (world / ".aos").exists()


def test_a_shuffle_is_by_the_formula_of_the_journal(world: Path) -> None:
    opened, _ = play(world, ANSWERS + FIRE)
    by_formula = sorted(
        (item.intent_hash for item in opened.pending),
        key=lambda hash: canon.sha256(canon.encode(["shuffle", 11, hash])),
    )
    for text, order in (
        (
            "seed = 11\n[[answers]]\nmatch = {}\nhttp = {}\n"
            + FIRE
            + '[[steps]]\nrelease = "shuffle"',
            None,
        ),
        (ANSWERS + FIRE + RELEASE, Order(seed=11)),
    ):
        done = run(world, text, order)
        delivered = [of["intent"] for of in done.world.records if of.kind == "receipt"]
        assert delivered == by_formula


# -- steps ------------------------------------------------------------------------------------


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
    [("[4]", "there is no pending intent 4"), ('{ step = "emit_x" }', "nothing pending matches")],
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


PAYLOAD = (
    "{ status = 299, headers = {}, timings = { start_ns = 0, end_ns = 0 }, "
    'adapter_id = "me", body_preview = "by hand" }'
)


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


# -- answers ----------------------------------------------------------------------------------


def answered(world: Path, answers: str, n: int = 1) -> dict[str, Any]:
    """The payload prepared for the intent of number ``n``."""
    opened, _ = play(world, answers + FIRE)
    payload: dict[str, Any] = numbered(opened, n).answer().payload
    return payload


def answer(match: str, status: int) -> str:
    return f"[[answers]]\nmatch = {match}\nhttp = {{ status = {status} }}\n"


@pytest.mark.parametrize(
    "match",
    [
        '{ kind = "http.request" }',
        '{ url = "https://example.com/api/b" }',
        '{ method = "GET", step = "emit_b" }',
        f'{{ plan = "{PLAN}" }}',
        '{ cap = "cap_http_aggregate" }',
        "{ nth = 2 }",
        '{ kind = "http.request", nth = 2 }',
        '{ step = "emit_b", nth = 1 }',
        "{}",
    ],
)
def test_an_answer_matches_where_every_given_key_does(world: Path, match: str) -> None:
    assert answered(world, answer(match, 201) + answer("{}", 404), 2)["status"] == 201


@pytest.mark.parametrize(
    "match",
    [
        '{ kind = "timer.set" }',
        '{ url = "https://example.com/api/b", method = "PUT" }',
        f'{{ reducer = "{REDUCER}" }}',
        "{ nth = 3 }",
        '{ step = "emit_b", nth = 2 }',
    ],
)
def test_one_key_that_does_not_match_is_enough(world: Path, match: str) -> None:
    assert answered(world, answer(match, 201) + answer("{}", 404), 2)["status"] == 404


def test_the_first_match_wins(world: Path) -> None:
    assert answered(world, answer("{}", 201) + answer("{}", 202))["status"] == 201


def test_templates_are_filled_in_texts_everywhere_and_once(world: Path) -> None:
    json = '{ "of" = ["{url}", 1, { m = "{method} {nth} {other}" }] }'
    http = f'{{ json = {json}, headers = {{ n = "{{nth}}" }} }}'
    payload = answered(world, f"[[answers]]\nmatch = {{}}\nhttp = {http}\n", 3)
    body = '{"of":["https://example.com/api/c",1,{"m":"GET 3 {other}"}]}'
    assert (payload["body_preview"], payload["headers"]) == (body, {"n": "3"})
    assert payload["body_ref"] == canon.hash_text(canon.sha256(body.encode()))
    given = PAYLOAD.replace("by hand", "{method} {nth}")
    assert (
        answered(world, f"[[answers]]\nmatch = {{}}\npayload = {given}\n", 2)["body_preview"]
        == "GET 2"
    )


def test_a_prepared_receipt_varies_in_nothing(world: Path) -> None:
    text = '[[answers]]\nmatch = {}\nhttp = { json = { b = "é", a = 1 } }\n'
    opened, _ = play(world, text + FIRE)
    receipt = numbered(opened, 1).answer()
    body = '{"b":"é","a":1}'.encode()
    assert receipt.payload == {
        "status": 200, "headers": {}, "body_ref": canon.hash_text(canon.sha256(body)),
        "timings": {"start_ns": 0, "end_ns": 0}, "adapter_id": "scenario",
        "body_preview": '{"b":"é","a":1}',
    }  # fmt: skip
    assert (receipt.status, receipt.adapter_id, receipt.cost_cents) == ("ok", "scenario", None)
    opened.deliver(receipt)
    assert opened.blob(canon.sha256(body)) == body


def test_the_preview_is_the_first_256_characters(world: Path) -> None:
    payload = answered(world, f'[[answers]]\nmatch = {{}}\nhttp = {{ body = "{"ä" * 300}" }}\n')
    assert payload["body_preview"] == "ä" * 256


def test_an_answer_without_a_body_refers_to_none(world: Path) -> None:
    payload = answered(world, answer("{}", 204))
    assert (payload["body_ref"], payload["body_preview"]) == (None, "")


def test_a_payload_for_a_request_gets_the_preview_that_every_answer_has(world: Path) -> None:
    bare = PAYLOAD.replace(', body_preview = "by hand"', "")
    payload = answered(world, f"[[answers]]\nmatch = {{}}\npayload = {bare}\n")
    assert (payload["status"], payload["body_preview"]) == (299, "")


def test_an_answer_that_says_nothing_is_told_and_does_not_hide_what_is_pending(world: Path) -> None:
    for text, words in (
        ("[[answers]]\nmatch = {}\n", "says no http, llm or payload"),
        ("[[answers]]\nmatch = {}\npayload = { status = 1.5 }\n", "cannot be given"),
    ):
        opened, _ = play(world, text + FIRE)
        item = numbered(opened, 2)
        assert item.prepared is None and item.problem is not None
        with pytest.raises(UsageError, match=words):
            item.answer()


def test_an_error_may_carry_a_payload_or_the_zero(world: Path) -> None:
    text = '[[answers]]\nmatch = {}\nstatus = "timeout"\ncost_cents = 2\n'
    opened, _ = play(world, text + FIRE)
    receipt = numbered(opened, 1).answer()
    assert (receipt.status, receipt.cost_cents, receipt.payload["status"]) == ("timeout", 2, 0)
    given = text + f"payload = {PAYLOAD}\n"
    assert answered(world, given)["status"] == 299


# -- timers -----------------------------------------------------------------------------------


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


# -- expectations -----------------------------------------------------------------------------


def state(expect: str) -> str:
    return f'state."{REDUCER}" = {expect}'


RESULT = '{ topic = "x", statuses = [200, 200, 200], previews = [] }'


@pytest.mark.parametrize(
    ("expect", "ok", "text"),
    [
        ("pending = 0", True, "0 pending"),
        ("pending = 3", False, "3 pending; found 0"),
        ('effects = [{ kind = "http.request", count = 3 }]', True, "3 times http.request"),
        (
            'effects = [{ kind = "http.request", count = 2 }]',
            False,
            "2 times http.request; found 3",
        ),
        (f'effects = [{{ plan = "{PLAN}" }}]', True, f"{PLAN} was asked for"),
        (
            'effects = [{ url = "https://example.com/api/b", step = "emit_b", count = 1 }]',
            True,
            "1 times https://example.com/api/b emit_b",
        ),
        ('effects = [{ method = "POST", count = 0 }]', True, "0 times POST"),
        ('effects = [{ kind = "timer.set" }]', False, "timer.set was asked for; found none"),
        ('effects = [{ kind = "timer.set", count = 0 }]', True, "0 times timer.set"),
        (state('{ pc = "Done" }'), True, f'{REDUCER}.pc = "Done"'),
        (state('{ pc = "Idle" }'), False, f'{REDUCER}.pc = "Idle"; found "Done"'),
        (state("{ pc = 7 }"), False, f'{REDUCER}.pc = 7; found "Done"'),
        (state("{ nothing = 1 }"), False, None),
        (state(f"{{ results = {{ 1 = {RESULT} }} }}"), False, None),
        (state("5"), False, None),
    ],
)
def test_what_is_expected_at_the_end(world: Path, expect: str, ok: bool, text: str | None) -> None:
    done = run(world, f"{ANSWERS}{FIRE}{RELEASE}[expect]\n{expect}\n")
    (found,) = done.expectations
    assert found.ok is done.ok is ok
    assert text is None or found.text == f"at the end: {text}"
    assert done.to_json()["expectations"] == [{"ok": ok, "text": found.text}]


def test_no_order_free_expectation_tries_no_orders(world: Path) -> None:
    assert run(world, ANSWERS + FIRE + RELEASE).expectations == ()


def test_an_expectation_at_a_step_is_about_that_moment(world: Path) -> None:
    expect = '[[steps]]\nexpect = { pending = %d, state."' + REDUCER + '" = { pc = "%s" } }\n'
    done = run(world, ANSWERS + FIRE + expect % (3, "Running") + RELEASE + expect % (0, "Done"))
    assert done.ok
    assert done.expectations[0].text == "after step 1: 3 pending"
    assert not run(world, ANSWERS + FIRE + expect % (3, "Done") + RELEASE).ok


def test_a_state_that_is_not_there_yet_is_no_match(world: Path) -> None:
    done = run(world, f'[expect]\nstate."{REDUCER}" = {{ pc = "Done" }}\n')
    assert [item.ok for item in done.expectations] == [False]
    with pytest.raises(UsageError, match="there is no reducer"):
        run(world, '[expect]\nstate."demo/Nobody@1" = 1\n')


SEATS = ROOT / "examples/09-cells"
HOLD = """
[[steps]]
fire = { schema = "demo/SeatHold@1", value = { seat = "%s", guest = "ann", for_ns = 1_000 } }
"""


@pytest.fixture
def seats(tmp_path: Path) -> Path:
    shutil.copytree(SEATS, tmp_path / "seats", ignore=shutil.ignore_patterns(".aos"))
    (tmp_path / "seats/modules").mkdir()
    shutil.copy(ROOT / "reducers/prebuilt/cells.wasm", tmp_path / "seats/modules/Seat.wasm")
    return tmp_path / "seats"


@pytest.mark.parametrize(("steps", "cells"), [("", 0), (HOLD % "A1", 1), (HOLD % "A1" * 2, 1),
                                              (HOLD % "A1" + HOLD % "A2", 2)])  # fmt: skip
def test_how_many_cells_there_are_can_be_expected(seats: Path, steps: str, cells: int) -> None:
    for wanted in range(3):
        done = run(seats, f'{steps}[expect]\ncells."demo/Seat@1" = {wanted}\n')
        assert done.ok is (wanted == cells)
    assert failed(done) == ([] if cells == 2 else [f"{TWO_CELLS}; found {cells}"])


TWO_CELLS = "at the end: 2 cells of demo/Seat@1"


def test_an_unkeyed_reducer_has_one_cell_or_none(world: Path) -> None:
    assert run(world, f'[expect]\ncells."{REDUCER}" = 0\n').ok
    assert run(world, f'{FIRE}[expect]\ncells."{REDUCER}" = 1\n').ok
    with pytest.raises(UsageError, match="there is no reducer"):
        run(world, '[expect]\ncells."demo/Nobody@1" = 1\n')


def test_every_order_goes_through_the_steps_before_its_waves_once(seats: Path) -> None:
    """Time that passed before them counts once: the last hold keeps it in its state."""
    before = HOLD % "A1" + HOLD % "A2" + "[[steps]]\nadvance_ns = 1_000_000_000\n"
    done = run(seats, f"{before}{RELEASE}{HOLD % 'A3'}[expect]\norder_free = true\n")
    assert failed(done) == []
    assert done.expectations[-1].text == "order free: all 2 orders end in one root"
    until_ns = done.world.state("demo/Seat@1")["A3"]["stage"]["Held"]["until_ns"]
    assert until_ns == 1_000_000_000 + 4 * 1_000_000 + 1_000


def variant_world(to: Path) -> Path:
    """A keyed reducer whose state is a variant of records."""
    of = {"variant": {"On": {"record": {"n": NAT, "m": NAT}}, "Off": {"unit": {}}}}
    state = canon.encode_plain({"$tag": "On", "$value": {"n": 1, "m": 2}})
    return tiny_world(
        to,
        schema("demo/V@1", of),
        module("demo/R@1", "demo/Go@1", "demo/V@1", key="demo/Text@1"),
        wasm={"R": answering({"state": state})},
        routes=[("demo/Go@1", "demo/R@1", "who")],
    )


@pytest.mark.parametrize(
    ("expect", "ok"),
    [
        ("alpha = { On = { n = 1 } }", True),
        ("alpha = { On = { n = 2 } }", False),
        ("alpha = { On = { n = 1, m = 2 } }", True),
        ('alpha = "Off"', False),
        ("alpha = { Off = 1 }", False),
        ("alpha = { Other = 1 }", False),
        ("alpha = {}", False),
        ("beta = { On = { n = 1 } }", False),
    ],
)
def test_a_keyed_state_is_expected_by_key_and_a_variant_in_part(
    tmp_path: Path, expect: str, ok: bool
) -> None:
    fire = '[[steps]]\nfire = { schema = "demo/Go@1", value = { who = "alpha", n = 1 } }\n'
    done = run(variant_world(tmp_path), f'{fire}[expect]\nstate."demo/R@1" = {{ {expect} }}\n')
    assert done.ok is ok


def test_a_scenario_brings_its_own_clock_to_a_live_branch(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples/01-hello-timer", tmp_path / "w")
    (tmp_path / "w/modules").mkdir()
    shutil.copy(ROOT / "reducers/prebuilt/hello-timer.wasm", tmp_path / "w/modules/Hello.wasm")
    with World.open(tmp_path / "w", scenario="basic") as opened:
        assert isinstance(opened.host, LiveHost) and opened.scenario is not None
        player = Player(opened, opened.scenario)
        player.play()
        assert player.expectations and all(of.ok for of in player.expectations)
        assert isinstance(opened.host, LiveHost), "and leaves it as it was"
