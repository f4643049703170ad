"""References to secrets in params: their form, and who may use which (air-v1, section 10; B-19)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.adapters.secrets import resolve
from aos_core.cli.main import main
from aos_core.kernel.secrets import reference, to_variants
from aos_core.world import World as DiskWorld
from tests.kernel.worlds import (
    Node,
    World,
    endings,
    module,
    of_kind,
    plan,
    record,
    schema,
    started,
)
from tests.support import answering, tiny_world

P = "demo/p@1"
KEY = {"variant": {"tag": "secret", "value": {"record": {"alias": {"text": "llm/api"},
                                                        "version": {"nat": 1}}}}}  # fmt: skip
FORM = {"$tag": "secret", "$value": {"alias": "llm/api", "version": 1}}


def secret(name: str = "llm/api@1", **more: Any) -> Node:
    return {"$kind": "defsecret", "name": name, "binding_id": "env:AOS_TEST_LLM_KEY", **more}


def generate(key: Any = KEY) -> Node:
    none: Node = {"null": {}}
    params = {
        "provider": {"text": "p"},
        "model": {"text": "m"},
        "temperature": {"dec128": "0.2"},
        "max_tokens": {"nat": 9},
        "message_refs": {"list": []},
        "tool_refs": none,
        "tool_choice": none,
        "api_key": key,
    }
    return {
        "id": "ask",
        "op": "emit_effect",
        "kind": "llm.generate",
        "params": {"record": params},
        "cap": "llm",
        "bind": {"effect_id_as": "h"},
    }


GRANT: Node = {"name": "llm", "cap": "sys/llm.basic@1", "params": {}}


def asking(*secrets: Node, key: Any = KEY, grant: Node = GRANT, **more: Any) -> World:
    world = World(plan(P, [generate(key)]), *secrets, grants=[grant], **started(P), **more)
    world.go(logical_ns=5)
    return world


def decision(world: World) -> dict[str, Any]:
    (entry,) = of_kind(world.records, "decision")
    return {name: value for name, value in entry.fields.items() if name != "intent"}


# -- the form ---------------------------------------------------------------------------------


def test_params_hold_the_variant_form_and_the_hash_is_over_it() -> None:
    """B-19: variant form, canonical bytes, then the hash."""
    (intent,) = asking(secret()).pending
    params = canon.decode(intent.params)
    assert params["api_key"] == FORM
    assert intent.params == canon.encode(params)
    pre_image = {
        "kind": "llm.generate",
        "params": intent.params,
        "cap": "llm",
        "idempotency_key": bytes(32),
    }
    assert intent.hash == canon.sha256(canon.encode(pre_image))


def test_every_map_whose_only_member_is_a_secret_map_becomes_a_variant() -> None:
    """B-19, whatever the schema says about it."""
    inner = {"alias": "a", "version": 1}
    assert to_variants({"x": [{"secret": inner}]}) == {"x": [{"$tag": "secret", "$value": inner}]}
    nested = {"secret": {"secret": inner}}
    assert to_variants(nested) == {
        "$tag": "secret",
        "$value": {"$tag": "secret", "$value": inner},
    }
    for same in ({"secret": "text"}, {"secret": inner, "more": 1}, {"secrets": inner}, FORM):
        assert to_variants(same) == same


def test_a_worlds_own_map_of_secrets_is_put_in_variant_form_and_can_be_shown(
    tmp_path: Path,
) -> None:
    """B-19: the form does not fit the schema any more, and is shown all the same."""
    own = schema("demo/Keys@1", {"map": {"key": {"text": {}}, "value": {"ref": "sys/SecretRef@1"}}})
    effect = {
        "$kind": "defeffect",
        "name": "demo/send@1",
        "kind": "demo.send",
        "params_schema": "demo/Keys@1",
        "receipt_schema": "demo/AskReceipt@1",
        "cap_type": "demo.ask",
        "origin_scope": "both",
    }
    params = {"secret": {"alias": "llm/api", "version": 1}}
    asked = {"kind": "demo.send", "params": canon.encode(params)}
    path = tiny_world(
        tmp_path,
        own,
        effect,
        module("demo/R@1", "demo/Go@1", emits=["demo.send"]),
        wasm={"R": answering({"state": b"\xf6", "effects": [asked]})},
        routes=[("demo/Go@1", "demo/R@1")],
    )
    with DiskWorld.open(path, memory=True) as world:
        world.fire("demo/Go@1", {"who": "a", "n": 0})
        (item,) = world.pending
        assert item.intent.params == canon.encode(FORM)
        assert item.params == FORM
        assert world.verify().ok


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (FORM, "llm/api@1"),
        ({"$tag": "secret", "$value": {"alias": "a@b/c", "version": 12}}, "a@b/c@12"),
        ({"$tag": "literal", "$value": {"alias": "a", "version": 1}}, None),
        ({"$tag": "secret", "$value": {"alias": "a"}}, None),
        ({"$tag": "secret"}, None),
        ("secret", None),
    ],
)
def test_a_reference_names_alias_and_version(value: Any, name: str | None) -> None:
    """B-6: the alias is everything before the last ``@``."""
    assert reference(value) == name


# -- who may use it ---------------------------------------------------------------------------


def test_a_secret_is_for_the_grants_and_plans_that_it_lists() -> None:
    """B-23."""
    assert decision(asking(secret()))["cap"] == "allow"
    both = secret(allowed_caps=["llm", "x"], allowed_plans=["demo/q@1", P])
    assert decision(asking(both))["cap"] == "allow"

    world = asking(secret(allowed_caps=["other"]))
    assert decision(world) == {"grant": "llm", "cap": "deny", "code": "secret_cap_not_allowed"}
    assert endings(world.records) == [("error", "secret_cap_not_allowed")]
    assert not world.pending

    world = asking(secret(allowed_plans=["demo/q@1"]))
    assert decision(world) == {"grant": "llm", "cap": "deny", "code": "secret_plan_not_allowed"}


def test_another_version_of_a_secret_has_its_own_lists() -> None:
    newer = secret("llm/api@2", allowed_caps=["other"])
    assert decision(asking(secret(), newer))["cap"] == "allow"
    assert decision(asking(secret("llm/api@2"), secret(allowed_caps=["x"])))["cap"] == "deny"


def test_an_unknown_secret_is_no_error_when_it_is_asked_for() -> None:
    """B-23: the adapter refuses it, nothing is lost or leaked before."""
    world = asking()
    assert decision(world)["cap"] == "allow" and len(world.pending) == 1


def test_constraints_and_expiry_come_before_the_secret_and_policy_after_it() -> None:
    mine = secret(allowed_caps=["other"])
    constrained = {**GRANT, "params": {"models": ["n"]}}
    assert decision(asking(mine, grant=constrained))["code"] == "model_not_allowed"
    assert decision(asking(mine, grant={**GRANT, "expiry_ns": 5}))["code"] == "expired"
    none = {"$kind": "defpolicy", "name": "demo/none@1", "rules": []}
    denied = decision(asking(mine, none, policy="demo/none@1"))
    assert denied["code"] == "secret_cap_not_allowed" and "policy" not in denied


def test_allowed_plans_say_nothing_about_reducers() -> None:
    """B-23: they are checked for plans only; allowed caps for both."""
    effect = {
        "$kind": "defeffect",
        "name": "demo/send@1",
        "kind": "demo.send",
        "params_schema": "demo/Send@1",
        "receipt_schema": "demo/AskReceipt@1",
        "cap_type": "demo.ask",
        "origin_scope": "reducer",
    }
    asked = {"kind": "demo.send", "params": canon.encode({"key": {"secret": FORM["$value"]}})}

    def fired(*secrets: Node) -> World:
        world = World(
            schema("demo/Send@1", record(key={"ref": "sys/TextOrSecretRef@1"})),
            effect,
            module("demo/R@1", "demo/Go@1", emits=["demo.send"]),
            *secrets,
            reducers={"demo/R@1": lambda _: {"state": b"\xf6", "effects": [asked]}},
            routes=[("demo/Go@1", "demo/R@1")],
        )
        world.go()
        return world

    (intent,) = fired(secret(allowed_plans=["demo/q@1"])).pending
    assert canon.decode(intent.params) == {"key": FORM}
    faulted = fired(secret(allowed_caps=["other"])).turn
    assert faulted is not None and faulted.fault is not None
    assert faulted.fault["code"] == "secret_cap_not_allowed"


# -- the value --------------------------------------------------------------------------------


VALUE = "sk-0123-not-to-be-seen-4567"


def test_the_value_reaches_the_adapter_and_nothing_that_is_kept_or_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"AOS_TEST_LLM_KEY": VALUE}
    monkeypatch.setenv("AOS_TEST_LLM_KEY", VALUE)
    path = tiny_world(tmp_path, plan(P, [generate()]), secret(), grants=[GRANT], **started(P))
    with DiskWorld.open(path) as world:
        world.fire("demo/Go@1", {"who": "a", "n": 0})
        (item,) = world.pending
        assert resolve(item.intent, world.program, environ)["api_key"] == VALUE
        assert item.params["api_key"] == {"secret": {"alias": "llm/api", "version": 1}}
        world.deliver(Receipt(item.intent_hash, "ok", item.schema.zero()))
        assert world.verify().ok
    capsys.readouterr()
    for line in (["journal"], ["journal", "--json"], ["state"], ["pending"], ["verify"]):
        assert main([*line, str(path)]) == 0, line
    said = capsys.readouterr()
    assert "llm/api" in said.out
    assert VALUE not in said.out + said.err
    kept = [of for of in path.rglob("*") if of.is_file()]
    assert any(of.name == "store.db" for of in kept)
    assert any(of.suffix == ".log" and b"llm/api" in of.read_bytes() for of in kept)
    assert not [of for of in kept if VALUE.encode() in of.read_bytes()]
