"""The root of a state, recomputed from its text, and the states between the records of a turn."""

from __future__ import annotations

from typing import Any

from aos_core import canon
from aos_core.kernel.state import State
from tests.kernel.worlds import (
    World,
    await_,
    emit,
    end,
    kinds,
    listen,
    module,
    plan,
    ref,
    started,
    values,
)

P, R, S = "demo/p@1", "demo/R@1", "demo/S@1"
ENTROPY = bytes(range(64))


def naive_root(pairs: dict[bytes, bytes], prefix: str = "") -> bytes:
    """The Merkle map of the journal's text, the slow way: by nibbles of hex paths."""
    here = {key: of for key, of in pairs.items() if canon.sha256(key).hex().startswith(prefix)}
    if not here:
        return bytes(32)
    if len(here) == 1:
        ((key, data),) = here.items()
        return canon.sha256(b"\x00" + canon.sha256(key) + canon.sha256(data))
    below = {d: naive_root(here, prefix + f"{d:x}") for d in range(16)}
    there = [d for d, root in below.items() if root != bytes(32)]
    bitmap = sum(1 << d for d in there).to_bytes(2, "big")
    return canon.sha256(b"\x01" + bitmap + b"".join(below[d] for d in there))


def naive_state_root(state: State) -> bytes:
    cells = {
        name: naive_root(dict(map_.items())) for name, map_ in state.cells.items() if len(map_)
    }
    plans = {instance.id: bytes(instance) for _, instance in state.plans.items()}
    pending = {
        intent.hash: canon.encode(
            {
                "kind": intent.kind,
                "params": intent.params,
                "cap": intent.cap,
                "idempotency_key": intent.idempotency_key,
                "origin": dict(intent.origin),
            }
        )
        for _, intent in state.pending.items()
    }
    parts = {
        "manifest": state.manifest,
        "cells": cells,
        "plans": naive_root(plans),
        "pending": naive_root(pending),
    }
    return canon.sha256(canon.encode(parts))


def busy_world() -> World:
    """Cells, instances and intents side by side."""

    def react(envelope: dict[str, Any]) -> Any:
        return {"state": envelope["event"]["value"]}

    return World(
        plan(
            P, [emit("a", ref("plan.input.who")), await_("w", "a"), end()], ("a", "w"), ("w", "end")
        ),
        module(R, "demo/Go@1", "demo/Go@1", key="demo/Text@1"),
        module(S, "demo/Said@1", "demo/Said@1"),
        reducers={R: react, S: react},
        routes=[("demo/Go@1", R, "who"), ("demo/Said@1", S)],
        **started(P),
    )


def test_the_root_is_what_the_text_says() -> None:
    world = busy_world()
    assert world.state.root == naive_state_root(world.state)
    roots = {world.state.root}
    for n in range(20):
        for state in world.go(f"who {n}").states:
            assert state.root == naive_state_root(state)
        roots.add(world.state.root)
    world.said("x")
    for n in range(0, 20, 3):
        world.answer(f"who {n}")
        roots.add(world.state.root)
    assert world.state.root == naive_state_root(world.state)
    assert len(roots) == 28
    assert (len(world.instances), len(world.pending)) == (13, 13)


def test_the_bytes_of_an_instance() -> None:
    world = busy_world()
    world.go("a", 1)
    (instance,) = world.instances
    (intent,) = world.pending
    shown = canon.decode(bytes(instance))
    assert shown["plan"] == world.program.plans[P].hash
    assert shown["input"] == {"who": "a", "n": 1}
    assert shown["steps"] == {"a": "done", "w": "waiting"}
    assert shown["waits"] == {"w": intent.hash}
    assert shown["values"] == values(world.records)
    assert bytes(instance).startswith(canon.SELF_DESCRIBE)


def test_clocks_entropy_and_heights_are_not_in_the_root() -> None:
    plain, stamped = busy_world(), busy_world()
    stamped.fire("demo/Heard@1", {"who": "heights differ"})
    plain.go("a")
    stamped.go("a", at_ns=9, logical_ns=8, entropy=ENTROPY, source={"scenario": "s", "step": 1})
    assert plain.moment != stamped.moment
    assert plain.state.root == stamped.state.root
    plain.answer("a")
    stamped.answer("a", at_ns=10, logical_ns=10)
    assert plain.state.root == stamped.state.root


def test_what_has_ended_is_not_in_the_root() -> None:
    world = busy_world()
    world.go("a")
    before = world.state.root
    world.go("b")
    world.answer("b")
    only_a = world.state.with_cell(R, canon.encode("b"), None)
    assert only_a.root == before


def test_the_manifest_is_in_the_root() -> None:
    world = busy_world()
    assert world.state.with_manifest(bytes(32)).root != world.state.root


def test_the_order_of_independent_inputs_is_not_in_the_root() -> None:
    one, two = busy_world(), busy_world()
    for world, order in ((one, "abc"), (two, "cab")):
        for who in order:
            world.go(who)
    one.answer("a")
    one.answer("b")
    two.answer("b")
    two.answer("a")
    assert one.state.root == two.state.root


# -- every record has a state


def test_every_record_has_the_state_after_it() -> None:
    world = busy_world()
    done = world.go("a", 1)
    by_kind = dict(zip(kinds(done.records), done.states, strict=True))  # the last of each kind
    assert kinds(done.records) == [
        "event",
        "plan_started",
        "decision",
        "plan_step",
        "plan_step",
        "intent",
        "step",
    ]
    assert not len(by_kind["event"].plans)
    assert len(by_kind["plan_started"].plans) == 1
    assert not len(by_kind["decision"].pending)
    assert len(by_kind["intent"].pending) == 1
    assert by_kind["intent"].cell(R, canon.encode("a")) is None
    assert by_kind["step"].cell(R, canon.encode("a")) is not None
    assert done.states[-1] is done.state is world.state


def test_step_records_show_in_their_states_one_after_the_other() -> None:
    world = busy_world()
    done = world.go("a")
    for entry, state in zip(done.records, done.states, strict=True):
        if entry.kind == "plan_step":
            ((_, instance),) = state.plans.items()
            assert instance.steps[entry["step"]] == entry["state"]
    done = world.answer("a")
    ends = [len(state.plans) for state in done.states]
    assert kinds(done.records)[-1] == "plan_ended"
    assert ends == [1] * (len(ends) - 1) + [0]
    assert [len(state.pending) for state in done.states] == [0] * len(ends)


def test_waking_is_part_of_the_record_that_woke() -> None:
    world = World(plan(P, [listen("l"), end()], ("l", "end")), **started(P))
    world.go()
    done = world.said("x")
    assert kinds(done.records) == ["event", "plan_step", "plan_step", "plan_ended"]
    ((_, woken),), ((_, taken),) = (state.plans.items() for state in done.states[:2])
    assert (woken.status, woken.steps, set(woken.events)) == ("queued", {"l": "waiting"}, {"l"})
    assert (taken.steps, set(taken.events)) == ({"l": "done"}, set())


def test_between_turns_every_instance_waits() -> None:
    world = busy_world()
    for who in "abc":
        world.go(who)
        assert {instance.status for instance in world.instances} == {"waiting"}


def test_an_older_state_stays_as_it_was() -> None:
    world = busy_world()
    world.go("a")
    kept, root = world.state, world.state.root
    copy = [(key, bytes(of)) for key, of in kept.plans.items()]
    world.answer("a")
    world.go("b")
    assert [(key, bytes(of)) for key, of in kept.plans.items()] == copy
    assert kept.root == root == naive_state_root(kept)


def test_floats_of_receipts_take_the_shortest_form_in_frames_and_instances() -> None:
    """``World.put`` compares the bytes. Only receipts may hold floats: no AIR type is one."""
    extra = {"n": 1, "much": {"zz": 0.5, "b": [1e300, -0.0]}, "a": 1.5}
    world = World(
        plan(P, [emit("a"), emit("b"), await_("v", "a"), await_("w", "b"), end()],
             ("a", "v"), ("b", "v"), ("v", "w"), ("w", "end")),
        **started(P),
    )  # fmt: skip
    world.go()
    settled = world.answer("b", extra)
    (instance,) = world.instances
    assert [held.payload for held in instance.receipts.values()] == [{**extra, "note": None}]
    assert settled.records[0]["payload"] == {**extra, "note": None}
    assert b"\xf9\x38\x00" in bytes(instance)  # 0.5
    (intent,) = world.pending
    world.answer("a", extra)
    late = world.deliver(intent.hash, {"zz": 2.5, "a": 1}, late=True)
    assert late.records[0]["outcome"] == "late"


def test_an_untyped_result_is_put_in_order() -> None:
    result = {"record": {"zz": {"nat": 1}, "b": {"nat": 2}}}
    world = World(plan(P, [end(result=result)]), **started(P))
    (ended,) = [of for of in world.go().records if of.kind == "plan_ended"]
    assert ended["result"] == {"zz": 1, "b": 2}
