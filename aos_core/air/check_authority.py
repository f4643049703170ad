"""The rules of ``check`` for grants, enforcers and policies (air-v1, section 10; B-7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aos_core.air import literals
from aos_core.air.builtins import (
    ALLOW_ALL,
    CHECK_INPUT,
    CHECK_OUTPUT,
    GOVERNANCE_ENFORCER,
)
from aos_core.air.load import builtin_nodes, compiles
from aos_core.air.manifest import Grant
from aos_core.air.misfit import Misfit
from aos_core.air.nodes import DefCap, DefModule, DefPolicy
from aos_core.air.survey import MANIFEST, Problems, Survey
from aos_core.errors import AirError
from aos_core.hints import did_you_mean


def grants_fit(survey: Survey) -> Problems:
    for index, grant in enumerate(survey.manifest.grants):
        path = f"defaults.cap_grants[{index}]"
        if survey.grants[grant.name] is not grant:
            yield survey.error(
                "duplicate", MANIFEST, f"{path}.name", f"there are two grants {grant.name}"
            )
        cap = survey.caps.get(grant.cap)
        if cap is None:
            hint = survey.hint(grant.cap, DefCap.kind)
            message = f"grant {grant.name}: unknown cap {grant.cap}"
            yield from survey.unknown(
                grant.cap, "unknown_cap", MANIFEST, f"{path}.cap", message, hint
            )
        elif compiles(cap.schema, survey.catalog.schemas):
            yield from _params_fit(survey, grant, cap, f"{path}.params")


def _params_fit(survey: Survey, grant: Grant, cap: DefCap, path: str) -> Problems:
    schemas = survey.catalog.schemas
    try:
        stored = literals.literal(grant.params, cap.schema, schemas, path)
        schemas.compile(cap.schema).normalise(literals.runtime(stored))
    except AirError as error:
        at = str(error.where.get("path", path))
        yield survey.error("bad_literal", MANIFEST, at, error.message, error.hint)
    except Misfit as misfit:
        at = ".".join([path, *misfit.path])
        yield survey.error("bad_literal", MANIFEST, at, misfit.message)


def cap_enforcers_are_listed(survey: Survey) -> Problems:
    """Of the caps in use: a cap whose enforcer is not known allows nothing."""
    listed = {ref.name for ref in survey.manifest.refs["modules"]}
    granted = {grant.cap for grant in survey.manifest.grants}
    for name, cap in survey.caps.items():
        builtin = (cap.kind, name) in builtin_nodes()
        if cap.enforcer == ALLOW_ALL or (builtin and name not in granted):
            continue
        if cap.enforcer in listed:
            continue
        key, path = (MANIFEST, "modules") if builtin else ((cap.kind, name), "enforcer.module")
        if cap.enforcer in survey.modules:
            message = f"the manifest does not list {cap.enforcer}, the enforcer of {name}"
            yield survey.warning("not_listed", key, path, message, "list it under modules")
        else:
            message = f"unknown enforcer {cap.enforcer}: the cap allows nothing"
            hint = survey.hint(cap.enforcer, DefModule.kind)
            yield survey.warning("unknown_enforcer", key, path, message, hint)


def cap_enforcers_can_judge(survey: Survey) -> Problems:
    """Of the caps in use: their enforcer is a pure module for what an enforcer is asked."""
    granted = {grant.cap for grant in survey.manifest.grants}
    for name, cap in survey.caps.items():
        module = survey.modules.get(cap.enforcer)
        if module is None or (name not in granted and (cap.kind, name) in builtin_nodes()):
            continue
        if cap.enforcer == GOVERNANCE_ENFORCER:
            yield survey.warning(
                "not_run", (cap.kind, name), "enforcer.module",
                f"this version does not run {cap.enforcer}: the cap allows nothing",
            )  # fmt: skip
        asked = module.abi.get("input"), module.abi.get("output")
        if module.module_kind != "pure" or asked != (CHECK_INPUT, CHECK_OUTPUT):
            yield survey.warning(
                "no_enforcer", (cap.kind, name), "enforcer.module",
                f"{cap.enforcer} is no enforcer: the cap allows nothing",
                f"an enforcer is a pure module from {CHECK_INPUT} to {CHECK_OUTPUT}",
            )  # fmt: skip


def default_policy_exists(survey: Survey) -> Problems:
    name = survey.manifest.policy
    if name is not None and (DefPolicy.kind, name) not in survey.catalog.nodes:
        hint = survey.hint(name, DefPolicy.kind)
        yield from survey.unknown(
            name, "unknown_policy", MANIFEST, "defaults.policy", f"unknown policy {name}", hint
        )


def policies_name_known_things(survey: Survey) -> Problems:
    """A rule that matches nothing does no harm by itself, so these are warnings."""
    origins = {"reducer": survey.modules, "plan": survey.plans}
    known: dict[str, Mapping[str, Any] | set[str]] = {
        "effect_kind": survey.effects,
        "cap_name": survey.grants,
        "cap_type": survey.cap_types(),
        "origin_kind": origins,
        "origin_name": {**survey.modules, **survey.plans},
    }
    for policy in survey.own(DefPolicy):
        for index, rule in enumerate(policy.rules):
            for name, value in rule.when.items():
                if value not in known[name] and not survey.is_lost(value):
                    yield survey.warning(
                        f"unknown_{name}", (policy.kind, policy.name),
                        f"rules[{index}].when.{name}", f"the rule matches nothing: there is no "
                        f"{name} {value!r}", did_you_mean(value, known[name]),
                    )  # fmt: skip
