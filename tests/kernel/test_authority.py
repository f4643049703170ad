"""Who may ask for what: constraints, expiry, policy, and how denials are recorded."""

from __future__ import annotations

from typing import Any

import pytest

from aos_core.errors import AirError
from aos_core.kernel.authority import find_grant
from aos_core.kernel.constraints import constrain, enforce_http, enforce_llm, native
from tests.kernel.worlds import (
    ASKS,
    NAT,
    TEXT,
    World,
    emit,
    endings,
    judged,
    kinds,
    of_kind,
    plan,
    program,
    record,
    ref,
    started,
)

P = "demo/p@1"


# -- HTTP


def http(url: str, method: str = "GET", **grant: Any) -> str | None:
    params: dict[str, Any] = {"method": method, "url": url, "headers": {}, "body_ref": None}
    return enforce_http(grant, "http.request", params)


FULL: dict[str, Any] = {
    "hosts": ["example.com"],
    "schemes": ["https"],
    "methods": ["GET"],
    "ports": [443],
    "path_prefixes": ["/api/"],
}
TABLE: list[tuple[str, str, str | None]] = [
    ("https://example.com/api/a", "GET", None),
    ("https://EXAMPLE.com/api/a", "GET", None),
    ("HTTPS://example.com/api/a", "GET", None),
    ("https://example.com/api/a", "get", None),
    ("https://example.com:443/api/a", "GET", None),
    ("https://example.com/api/a?x=/no#frag", "GET", None),
    ("https://user:secret@example.com/api/a", "GET", None),
    ("https://example.com@evil.com/api/a", "GET", "host_not_allowed"),
    ("https://evil.com/api/a", "GET", "host_not_allowed"),
    ("https://sub.example.com/api/a", "GET", "host_not_allowed"),
    ("https://example.com.evil.com/api/a", "GET", "host_not_allowed"),
    ("http://example.com/api/a", "GET", "scheme_not_allowed"),
    ("https://example.com/api/a", "POST", "method_not_allowed"),
    ("https://example.com/api/a", "", "method_not_allowed"),
    ("https://example.com:8443/api/a", "GET", "port_not_allowed"),
    ("https://example.com/API/a", "GET", "path_not_allowed"),
    ("https://example.com/api", "GET", "path_not_allowed"),
    ("https://example.com/", "GET", "path_not_allowed"),
    ("https://example.com", "GET", "path_not_allowed"),
    ("https://example.com/?x=/api/", "GET", "path_not_allowed"),
    ("https://example.com/api/../secret", "GET", "path_not_allowed"),
    ("https://example.com/api/%2E%2e/secret", "GET", "path_not_allowed"),
    ("https://example.com/api/a/../..", "GET", "path_not_allowed"),
    ("https://example.com/secret/../api/a", "GET", "path_not_allowed"),
    ("https://example.com/api/a/../b", "GET", None),
    ("https://example.com/api/./..a/", "GET", None),
    ("https://evil.example\\@example.com/api/a", "GET", "invalid_url"),
    ("https://[::1]/api/a", "GET", "invalid_url"),
    ("https://[::1]:443/api/a", "GET", "invalid_url"),
    ("https://user@[::1]/api/a", "GET", "invalid_url"),
    ("https://[broken/api/a", "GET", "invalid_url"),
    ("https://example.com:port/api/a", "GET", "invalid_url"),
    ("https://example.com:99999/api/a", "GET", "invalid_url"),
    ("https:///api/a", "GET", "invalid_url"),
    ("example.com/api/a", "GET", "invalid_url"),
    ("/api/a", "GET", "invalid_url"),
    ("", "GET", "invalid_url"),
    ("https://exa mple.com/api/a", "GET", "invalid_url"),
    ("https://example.com/api/\na", "GET", "invalid_url"),
    ("https://example.com/api/\x7fa", "GET", "invalid_url"),
    (" https://example.com/api/a", "GET", "invalid_url"),
    ("https ://example.com/api/a", "GET", "invalid_url"),
    ("https://example.com /api/a", "GET", "invalid_url"),
    ("https://example.com\\/api/a", "GET", "invalid_url"),
    ("https:\\\\example.com/api/a", "GET", "invalid_url"),
    ("https://example.com/api/a b", "GET", None),
    ("https://example.com/api/a?q=a b\\c", "GET", None),
    ("https://example.com/api/a\\b", "GET", None),
    ("https://example.com/api/..\\secret", "GET", "path_not_allowed"),
    ("https://example.com/api\\..\\secret", "GET", "path_not_allowed"),
]


@pytest.mark.parametrize(("url", "method", "code"), TABLE)
def test_http_constraints(url: str, method: str, code: str | None) -> None:
    assert http(url, method, **FULL) == code


@pytest.mark.parametrize("none", [None, []], ids=["absent", "empty"])
def test_a_list_that_is_absent_or_empty_allows_any(none: Any) -> None:
    for name in FULL:
        grant = {**FULL, name: none}
        changed = {
            "hosts": ("https://evil.com/api/", "GET"),
            "schemes": ("gopher://example.com:443/api/", "GET"),
            "methods": ("https://example.com/api/", "BREW"),
            "ports": ("https://example.com:1/api/", "GET"),
            "path_prefixes": ("https://example.com/etc", "GET"),
        }[name]
        assert http(*changed, **grant) is None, name
        assert http(*changed, **FULL) is not None, name


def test_the_default_port_of_a_known_scheme_counts() -> None:
    assert http("http://a/", ports=[80]) is None
    assert http("https://a/", ports=[80]) == "port_not_allowed"
    assert http("ftp://a/", ports=[21]) == "port_not_allowed"  # not a scheme with a known port
    assert http("ftp://a:21/", ports=[21]) is None


def test_the_grant_may_be_written_in_any_case() -> None:
    grant: dict[str, Any] = {"hosts": ["Example.COM"], "schemes": ["HTTPS"], "methods": ["get"]}
    assert http("https://example.com/", **grant) is None


def test_an_empty_path_is_the_root() -> None:
    assert http("https://a", path_prefixes=["/"]) is None
    assert http("https://a?x", path_prefixes=["/"]) is None


def test_params_that_are_no_request_are_refused() -> None:
    assert enforce_http({}, "http.request", {"method": "GET"}) == "effect_params_invalid"


# -- LLM


def llm(grant: dict[str, Any], **params: Any) -> str | None:
    return enforce_llm(
        grant, "llm.generate", {"provider": "p", "model": "m", "max_tokens": 10, **params}
    )


def test_llm_constraints() -> None:
    """B-23."""
    assert llm({}) is None
    assert llm({"providers": ["p"], "models": ["m"], "max_tokens": 10}) is None
    assert llm({"providers": ["q"]}) == "provider_not_allowed"
    assert llm({"models": ["M"]}) == "model_not_allowed"
    assert llm({"max_tokens": 9}) == "max_tokens_exceeded"
    tool = {"$tag": "Tool", "$value": {"name": "t"}}
    assert llm({"tools_allow": ["t"]}, tool_choice=tool) is None
    assert llm({"tools_allow": ["u"]}, tool_choice=tool) == "tool_not_allowed"
    assert llm({"tools_allow": ["u"]}, tool_choice={"$tag": "Auto"}) is None


# -- workspaces and kinds


def workspace(kind: str, grant: dict[str, Any], **params: Any) -> str | None:
    rules = native("sys/CapEnforceWorkspace@1")
    assert rules is not None
    return constrain(rules, grant, f"workspace.{kind}", params)


@pytest.mark.parametrize(
    ("kinds_", "op_"),
    [
        ("resolve", "resolve"),
        ("list", "list"),
        ("read_ref read_bytes annotations_get", "read"),
        ("empty_root write_bytes remove annotations_set", "write"),
        ("diff", "diff"),
    ],
)
def test_the_operation_of_a_workspace_effect_must_be_allowed(kinds_: str, op_: str) -> None:
    """B-23."""
    others = {"resolve", "list", "read", "write", "diff"} - {op_}
    for kind in kinds_.split():
        params = {"workspace": "w", "path": "p"}
        assert workspace(kind, {"ops": [op_.upper()]}, **params) is None
        assert workspace(kind, {"ops": sorted(others)}, **params) == "op_not_allowed"
        assert workspace(kind, {"ops": []}, **params) is None


def test_workspaces_count_where_the_params_name_one_and_paths_elsewhere() -> None:
    """B-23."""
    grant = {"workspaces": ["w"], "path_prefixes": ["src", "docs/a"]}
    for kind in ("resolve", "empty_root"):
        assert workspace(kind, grant, workspace="w") is None
        assert workspace(kind, grant, workspace="v") == "workspace_not_allowed"
    for path in ("src", "src/a", "docs/a", "docs/a/b"):
        assert workspace("read_ref", grant, path=path) is None
        assert workspace("diff", grant, prefix=path) is None
    for path in ("", "srcs", "docs", "docs/ab", "a/src"):
        assert workspace("read_ref", grant, path=path) == "path_not_allowed"
    assert workspace("list", grant, path=None) == "path_not_allowed"
    assert workspace("diff", grant, path="src") == "path_not_allowed"
    assert workspace("list", {"path_prefixes": [""]}, path=None) is None
    assert workspace("list", {"path_prefixes": None, "ops": None}, path="any") is None


@pytest.mark.parametrize("enforcer", ["HttpOut", "LlmBasic", "Workspace"])
def test_a_native_enforcer_judges_its_own_kinds_only(enforcer: str) -> None:
    rules = native(f"sys/CapEnforce{enforcer}@1")
    assert rules is not None
    assert constrain(rules, {}, "demo.ask", {"url": "https://a/"}) == "effect_kind_mismatch"


def test_the_enforcer_of_governance_allows_nothing_yet() -> None:
    assert native("sys/CapEnforceGovernance@1") is None


# -- in a world


def request(url: Any, method: str = "GET", cap: str = "web") -> dict[str, Any]:
    params = {
        "method": {"text": method},
        "url": url,
        "headers": {"map": []},
        "body_ref": {"null": {}},
    }
    return {
        "id": "req",
        "op": "emit_effect",
        "kind": "http.request",
        "params": {"record": params},
        "cap": cap,
        "bind": {"effect_id_as": "req"},
    }


def web(params: Any, cap: str = "sys/http.out@1", **more: Any) -> dict[str, Any]:
    return {"name": "web", "cap": cap, "params": params, **more}


def asking(url: str, *nodes: Any, grants: Any, **more: Any) -> World:
    """A plan asks for ``url``, which it is told by its event; logical time is 100."""
    world = World(
        plan(P, [request(ref("plan.input.who"))]), *nodes, grants=grants, **started(P), **more
    )
    world.go(url, logical_ns=100)
    return world


def decision(world: World) -> dict[str, Any]:
    (entry,) = of_kind(world.records, "decision")
    return {name: value for name, value in entry.fields.items() if name != "intent"}


def test_an_allowed_request_records_both_decisions_and_the_intent() -> None:
    world = asking("https://a/", grants=[web({"hosts": ["a"]})])
    assert decision(world) == {"grant": "web", "cap": "allow", "policy": "allow"}
    (intent,) = world.pending
    assert of_kind(world.records, "decision")[0]["intent"] == intent.hash
    assert of_kind(world.records, "intent")[0]["hash"] == intent.hash


def test_a_denied_request_records_the_decision_and_no_intent() -> None:
    """B-23."""
    world = asking("https://b/", grants=[web({"hosts": ["a"]})])
    assert decision(world) == {"grant": "web", "cap": "deny", "code": "host_not_allowed"}
    assert endings(world.records) == [("error", "host_not_allowed")]
    assert not world.pending
    assert "intent" not in kinds(world.records)


@pytest.mark.parametrize(("expiry", "denied"), [(99, True), (100, True), (101, False)])
def test_a_grant_expires_at_its_nanosecond(expiry: int, denied: bool) -> None:
    world = asking("https://a/", grants=[web({}, expiry_ns=expiry)])
    assert decision(world).get("code") == ("expired" if denied else None)
    assert bool(world.pending) is not denied


def test_constraints_come_before_expiry_and_expiry_before_policy() -> None:
    none = policy()
    world = asking(
        "https://b/", none, grants=[web({"hosts": ["a"]}, expiry_ns=1)], policy="demo/pol@1"
    )
    assert decision(world)["code"] == "host_not_allowed"
    world = asking(
        "https://a/", none, grants=[web({"hosts": ["a"]}, expiry_ns=1)], policy="demo/pol@1"
    )
    assert decision(world)["code"] == "expired"
    world = asking("https://a/", none, grants=[web({"hosts": ["a"]})], policy="demo/pol@1")
    assert decision(world) == {
        "grant": "web",
        "cap": "allow",
        "policy": "deny",
        "code": "policy_denied",
    }
    assert endings(world.records) == [("error", "policy_denied")]


# -- policy


def policy(*rules: tuple[dict[str, str], str]) -> dict[str, Any]:
    listed = [{"when": when, "decision": made} for when, made in rules]
    return {"$kind": "defpolicy", "name": "demo/pol@1", "rules": listed}


FACTS = {
    "effect_kind": "http.request",
    "cap_name": "web",
    "cap_type": "http.out",
    "origin_kind": "plan",
    "origin_name": P,
}


def decided(*rules: tuple[dict[str, str], str]) -> tuple[str | None, int | None]:
    world = asking("https://a/", policy(*rules), grants=[web({})], policy="demo/pol@1")
    return decision(world)["policy"], decision(world).get("rule")


def test_the_first_rule_that_matches_decides() -> None:
    no_match = ({"effect_kind": "timer.set"}, "allow")
    assert decided(({}, "allow"), ({}, "deny")) == ("allow", 0)
    assert decided(({}, "deny"), ({}, "allow")) == ("deny", 0)
    assert decided(no_match, ({}, "deny"), ({}, "allow")) == ("deny", 1)
    assert decided(no_match, (FACTS, "allow")) == ("allow", 1)


def test_no_match_denies() -> None:
    assert decided() == ("deny", None)
    assert decided(({"cap_name": "other"}, "allow")) == ("deny", None)


@pytest.mark.parametrize("name", FACTS)
def test_every_matcher_of_a_rule_must_match(name: str) -> None:
    assert decided(({name: FACTS[name]}, "allow")) == ("allow", 0)
    assert decided(({**FACTS, name: "other"}, "allow")) == ("deny", None)


# -- grants


def test_an_unknown_grant_ends_the_plan_without_a_decision() -> None:
    world = asking("https://a/", grants=[{**web({}), "name": "other"}])
    assert endings(world.records) == [("error", "grant_not_found")]
    assert "decision" not in kinds(world.records)


def test_a_grant_of_another_cap_type_does_not_count() -> None:
    world = asking("https://a/", grants=[{**ASKS, "name": "web"}])
    assert endings(world.records) == [("error", "cap_type_mismatch")]


def test_an_effect_that_the_manifest_does_not_list_is_unknown() -> None:
    with pytest.raises(AirError, match=r"unknown effect http\.request"):
        asking("https://a/", grants=[web({})], effects=())


def cap(enforcer: str | None, name: str = "demo/web@1", **fields: Any) -> dict[str, Any]:
    more = {} if enforcer is None else {"enforcer": {"module": enforcer}}
    return {
        "$kind": "defcap",
        "name": name,
        "cap_type": "http.out",
        "schema": record(**fields),
        **more,
    }


@pytest.mark.parametrize("enforcer", ["demo/Mine@1", "sys/CapEnforceNothing@1"])
def test_a_cap_whose_enforcer_is_not_known_allows_nothing(enforcer: str) -> None:
    world = asking("https://a/", cap(enforcer), grants=[web({}, "demo/web@1")])
    assert decision(world) == {"grant": "web", "cap": "deny", "code": "enforcer_error"}


@pytest.mark.parametrize("enforcer", [None, "sys/CapAllowAll@1"])
def test_a_worlds_own_cap_without_enforcer_is_held_to_its_cap_type(enforcer: str | None) -> None:
    own = cap(enforcer, hosts={"list": TEXT}, ports={"option": {"set": NAT}})
    grants = [web({"hosts": ["a"], "ports": None}, "demo/web@1")]
    assert decision(asking("https://a/", own, grants=grants))["cap"] == "allow"
    assert decision(asking("https://b/", own, grants=grants))["code"] == "host_not_allowed"


def test_fields_of_other_names_constrain_nothing() -> None:
    own = cap(None, domains={"list": TEXT})
    grants = [web({"domains": ["a"]}, "demo/web@1")]
    assert decision(asking("https://b/", own, grants=grants))["cap"] == "allow"


def test_a_cap_type_without_rules_allows() -> None:
    world = World(plan(P, [emit("a")]), **started(P))
    world.go()
    assert decision(world) == {"grant": "asks", "cap": "allow", "policy": "allow"}


@pytest.mark.parametrize(
    ("grants", "words"),
    [
        ([web({"hosts": 1})], "array"),
        ([web({"nonsense": []})], "unknown field"),
        ([web({}, "demo/none@1")], "unknown cap"),
        ([web({}), web({})], "twice"),
    ],
)
def test_grants_that_make_no_sense_are_no_program(grants: Any, words: str) -> None:
    with pytest.raises(AirError, match=words):
        program(grants=grants)


def test_an_unknown_policy_is_no_program() -> None:
    with pytest.raises(AirError, match="unknown policy"):
        program(policy="demo/none@1")


def test_grant_params_may_be_written_as_typed_literals() -> None:
    """The two ways of writing a grant mean the same."""
    typed = {"record": {"hosts": {"set": [{"text": "a"}]}}}
    for params in (typed, {"hosts": ["a"]}):
        found = find_grant(program(grants=[web(params)]), "web", program().effects["http.request"])
        assert found.params["hosts"] == ["a"]


def test_a_decision_depends_on_logical_time_alone() -> None:
    of = program(grants=[web({}, expiry_ns=10)])
    params: dict[str, Any] = {"method": "GET", "url": "https://a/", "headers": {}, "body_ref": None}
    assert judged(of, "web", params, 9).allowed
    assert not judged(of, "web", params, 10).allowed


OTHER_TYPES: list[tuple[str, Any, Any]] = [
    ("hosts", NAT, 3),
    ("hosts", TEXT, "a"),
    ("hosts", {"list": NAT}, [1]),
    ("ports", {"list": TEXT}, ["x"]),
    ("path_prefixes", TEXT, "/"),
]


@pytest.mark.parametrize(("name", "type", "value"), OTHER_TYPES)
def test_a_known_name_of_another_type_denies(name: str, type: Any, value: Any) -> None:
    """A world's own cap may call anything ``hosts``: what cannot be compared allows nothing."""
    world = asking(
        "https://a/", cap(None, **{name: type}), grants=[web({name: value}, "demo/web@1")]
    )
    assert decision(world) == {"grant": "web", "cap": "deny", "code": "cap_params_invalid"}
