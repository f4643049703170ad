"""What an adapter gets in place of a reference to a secret (air-v1, section 10; B-23, B-6)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from aos_core import canon
from aos_core.adapters.secrets import resolve
from aos_core.errors import SecretError
from aos_core.kernel.state import Intent
from tests.kernel.worlds import Node, program

VALUE = "sk-0123456789"


def secret(name: str = "llm/api@1", binding: str = "env:LLM_KEY", **more: Any) -> Node:
    return {"$kind": "defsecret", "name": name, "binding_id": binding, **more}


def reference(alias: str = "llm/api", version: int = 1) -> Node:
    return {"$tag": "secret", "$value": {"alias": alias, "version": version}}


def resolved(params: Any, environ: dict[str, str], *secrets: Node) -> Any:
    intent = Intent("llm.generate", canon.encode(params), "llm", bytes(32), {})
    return resolve(intent, program(*(secrets or (secret(),))), environ)


def refusal(environ: dict[str, str], *secrets: Node, params: Any = None) -> SecretError:
    with pytest.raises(SecretError) as caught:
        resolved(params or {"api_key": reference()}, environ, *secrets)
    assert VALUE not in repr(caught.value.to_json()) + str(caught.value)
    return caught.value


def test_the_bare_value_stands_in_place_of_the_whole_reference() -> None:
    params = {"model": "m", "api_key": reference(), "more": [{"deep": reference()}]}
    assert resolved(params, {"LLM_KEY": VALUE, "OTHER": "x"}) == {
        "model": "m",
        "api_key": VALUE,
        "more": [{"deep": VALUE}],
    }


def test_other_variants_and_secrets_of_another_shape_stay() -> None:
    params = {
        "literal": {"$tag": "literal", "$value": "text"},
        "own": {"$tag": "secret", "$value": "text"},
        "flag": {"$tag": "secret", "$value": {"alias": "llm/api", "version": True}},
    }
    assert resolved(params, {"LLM_KEY": VALUE}) == params


def test_a_value_that_is_not_utf_8_is_bytes() -> None:
    raw = b"\xff\x00key"
    environ = {"LLM_KEY": raw.decode("utf-8", "surrogateescape")}
    assert resolved([reference()], environ) == [raw]


def test_the_version_names_the_definition() -> None:
    both = secret(), secret("llm/api@12", "env:NEWER")
    environ = {"LLM_KEY": "old", "NEWER": "new"}
    assert resolved([reference(version=12), reference()], environ, *both) == ["new", "old"]


def test_the_expected_digest_is_that_of_the_value() -> None:
    digest = "sha256:" + hashlib.sha256(VALUE.encode()).hexdigest()
    pinned = secret(expected_digest=digest)
    assert resolved([reference()], {"LLM_KEY": VALUE}, pinned) == [VALUE]
    error = refusal({"LLM_KEY": VALUE + "\n"}, pinned)
    assert error.code == "secret_changed" and "LLM_KEY" in error.message
    found = hashlib.sha256(f"{VALUE}\n".encode()).hexdigest()
    assert found not in repr(error.to_json())


def test_a_variable_that_is_not_set_is_named() -> None:
    error = refusal({"OTHER": VALUE})
    assert error.code == "secret_missing"
    assert "LLM_KEY" in error.message and "LLM_KEY" in str(error.hint)


def test_a_secret_that_is_not_defined_or_bound_elsewhere_is_refused() -> None:
    unknown = refusal({"LLM_KEY": VALUE}, params=[reference(version=2)])
    assert unknown.code == "secret_unknown" and "llm/api@2" in unknown.message
    elsewhere = refusal({"LLM_KEY": VALUE}, secret(binding="vault:llm"))
    assert elsewhere.code == "secret_binding" and "vault:llm" in elsewhere.message
