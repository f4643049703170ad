"""Who may ask for what: capabilities, their constraints, policy (air-v1, section 10; B-23).

``decide`` is pure, as are the enforcers that it calls. It answers with a :class:`Decision`, which
becomes a record; what cannot be decided at all (unknown kind, wrong params) raises
:class:`Refused`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aos_core.air.builtins import ALLOW_ALL, CHECK_INPUT, CHECK_OUTPUT
from aos_core.air.nodes import DefEffect, DefModule
from aos_core.errors import StepFault, ValueRejected
from aos_core.kernel import constraints, secrets
from aos_core.kernel.program import Grant, Program

CallPure = Callable[[DefModule, bytes], bytes]
"""(pure module, input) -> output; raises :class:`StepFault`."""


class Refused(Exception):
    """An effect that cannot be asked for; ``code`` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Decision:
    """``cap`` and ``policy`` are ``allow`` or ``deny``; ``policy`` is None where not reached.

    ``rule`` is the index of the policy rule that decided; ``code`` says why a denial, ``text``
    what an enforcer of the world said about it.
    """

    grant: str
    cap: str
    policy: str | None = None
    rule: int | None = None
    code: str | None = None
    text: str | None = None

    @property
    def allowed(self) -> bool:
        return self.cap == "allow" and self.policy == "allow"

    @property
    def reason(self) -> str:
        """Why it was denied: the code, and what the enforcer said."""
        return f"{self.code}: {self.text}" if self.text else self.code or ""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: ``params`` are normalised, ``encoded`` their canonical bytes."""

    origin: Mapping[str, Any]
    kind: str
    params: Any
    encoded: bytes
    grant: Grant
    logical_ns: int


def find_grant(program: Program, name: str, effect: DefEffect) -> Grant:
    """The grant by name, its cap type checked. Raises :class:`Refused`."""
    grant = program.grants.get(name)
    if grant is None:
        raise Refused("grant_not_found", f"there is no grant {name!r}")
    if grant.cap_type != effect.cap_type:
        raise Refused(
            "cap_type_mismatch",
            f"grant {name!r} is of {grant.cap_type}; {effect.effect} needs {effect.cap_type}",
        )
    return grant


def slot_grant(program: Program, module: str, slot: str, kind: str) -> str:
    """The grant that a reducer's slot is bound to (air-v1, section 6). Raises :class:`Refused`."""
    bound = program.bindings.get(module, {}).get(slot)
    if bound is not None:
        return bound
    if slot == "default":
        cap_type = program.effects[kind].cap_type
        fitting = [grant.name for grant in program.grants.values() if grant.cap_type == cap_type]
        if len(fitting) == 1:
            return fitting[0]
    raise Refused("slot_not_bound", f"slot {slot!r} of {module} is bound to no grant")


def decide(program: Program, request: Request, call_pure: CallPure) -> Decision:
    """Constraints, expiry, secrets, policy: the first that denies ends it."""
    grant = request.grant
    denied = _constrain(program, request, call_pure)
    if denied is None and grant.expiry_ns is not None and request.logical_ns >= grant.expiry_ns:
        denied = _Denial("expired")
    if denied is None:
        code = secrets.denial(request.params, program.secrets, grant.name, request.origin)
        denied = None if code is None else _Denial(code)
    if denied is not None:
        return Decision(grant.name, "deny", code=denied.code, text=denied.text)
    policy, rule = _apply_policy(program, request.origin, request.kind, grant)
    code = "policy_denied" if policy == "deny" else None
    return Decision(grant.name, "allow", policy, rule, code)


def _apply_policy(
    program: Program, origin: Mapping[str, Any], kind: str, grant: Grant
) -> tuple[str, int | None]:
    """First match wins; no match denies; no policy at all allows."""
    if program.policy is None:
        return "allow", None
    facts = {
        "effect_kind": kind,
        "cap_name": grant.name,
        "cap_type": grant.cap_type,
        "origin_kind": origin["kind"],
        "origin_name": origin["name"],
    }
    for index, rule in enumerate(program.policy):
        if rule.when.items() <= facts.items():
            return rule.decision, index
    return "deny", None


@dataclass(frozen=True, slots=True)
class _Denial:
    code: str
    text: str | None = None


def _constrain(program: Program, request: Request, call_pure: CallPure) -> _Denial | None:
    """What the enforcer of the grant's cap says. One that is not known allows nothing; a cap
    without one is held to its cap type's rules where its fields have those names."""
    grant = request.grant
    if grant.enforcer == ALLOW_ALL:
        rules = constraints.of_cap_type(grant.cap_type, grant.params)
        if rules is None:
            return None
    elif grant.enforcer.startswith("sys/"):
        rules = constraints.native(grant.enforcer)
    else:
        return _ask_module(program, request, call_pure)
    if rules is None:
        return _Denial("enforcer_error", f"{grant.enforcer} is not known")
    code = constraints.constrain(rules, grant.params, request.kind, request.params)
    return None if code is None else _Denial(code)


def _ask_module(program: Program, request: Request, call_pure: CallPure) -> _Denial | None:
    """What a pure module of the world says (B-13); whatever goes wrong in it denies."""
    module = program.modules.get(request.grant.enforcer)
    if module is None or module.module_kind != "pure" or module.wasm_hash is None:
        return _Denial("enforcer_error", f"{request.grant.enforcer} is no pure module to call")
    schemas = program.schemas
    try:
        output = call_pure(module, schemas[CHECK_INPUT].encode(_check_input(program, request)))
        answer = schemas[CHECK_OUTPUT].normalise_bytes(output)
    except (StepFault, ValueRejected) as error:
        return _Denial("enforcer_error", error.message)
    if answer["constraints_ok"]:
        return None
    deny = answer["deny"] or {"code": "", "message": ""}
    return _Denial(deny["code"] or "constraints_failed", deny["message"])


def _check_input(program: Program, request: Request) -> Any:
    grant, origin = request.grant, request.origin
    return program.schemas[CHECK_INPUT].normalise(
        {
            "cap_def": grant.cap,
            "grant_name": grant.name,
            "cap_params": grant.encoded,
            "effect_kind": request.kind,
            "effect_params": request.encoded,
            "origin": {"kind": origin["kind"], "name": origin["name"]},
            "logical_now_ns": request.logical_ns,
        }
    )
