"""The rules of ``check`` for secrets (air-v1, section 10; B-6, B-23)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aos_core.air.nodes import DefSecret, Step
from aos_core.air.plan_view import PlanView
from aos_core.air.survey import Problems, Survey
from aos_core.hints import did_you_mean


def secrets_name_known_things(survey: Survey) -> Problems:
    for secret in survey.own(DefSecret):
        lists: tuple[tuple[str, tuple[str, ...], Mapping[str, Any]], ...] = (
            ("allowed_caps", secret.allowed_caps, survey.grants),
            ("allowed_plans", secret.allowed_plans, survey.plans),
        )
        for name, given, known in lists:
            for index, value in enumerate(given):
                if value not in known and not survey.is_lost(value):
                    yield survey.warning(
                        "unknown_name", (secret.kind, secret.name), f"{name}[{index}]",
                        f"{name} names {value!r}, which is not there", did_you_mean(value, known),
                    )  # fmt: skip


def secrets_are_bound(survey: Survey) -> Problems:
    for secret in survey.own(DefSecret):
        if not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", secret.binding_id):
            yield survey.warning(
                "bad_binding", (secret.kind, secret.name), "binding_id",
                f"nothing gives a value for {secret.binding_id!r}",
                "env:NAME takes it from an environment variable",
            )  # fmt: skip


def secrets_are_defined(survey: Survey) -> Problems:
    """Of the references that plans hold as constants. Asking with one that nobody defined is no
    error in itself: the adapter refuses it when it acts."""
    known = {secret.name for secret in survey.catalog.all(DefSecret)}
    for view, _, at, name in _uses(survey):
        if name not in known and not survey.is_lost(name):
            yield survey.warning(
                "unknown_secret", view.key, at, f"there is no secret {name}",
                survey.hint(name, DefSecret.kind),
            )  # fmt: skip


def secrets_are_allowed(survey: Survey) -> Problems:
    """Where they are used; the effect would be denied."""
    known = {secret.name: secret for secret in survey.catalog.all(DefSecret)}
    for view, step, at, name in _uses(survey):
        secret = known.get(name)
        if secret is None:
            continue
        uses = (
            ("allowed_caps", secret.allowed_caps, step.args["cap"]),
            ("allowed_plans", secret.allowed_plans, view.plan.name),
        )
        for of, allowed, used in uses:
            if allowed and used not in allowed:
                yield survey.warning(
                    "secret_denied", view.key, at, f"{name} may not be used here: its {of} do not "
                    f"name {used}", f"allowed: {', '.join(allowed)}",
                )  # fmt: skip


def _uses(survey: Survey) -> Iterator[tuple[PlanView, Step, str, str]]:
    """(plan, step, path, ``alias@version``) of the secrets that plans name as constants."""
    for view in survey.plans.values():
        for path, step in view.each("emit_effect"):
            for at, name in _references(step.args["params"], f"{path}.params"):
                yield view, step, at, name


def _references(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """(path, ``alias@version``) of every constant reference in an expression or a literal."""
    match node:
        case {
            "tag": "secret",
            "value": {"record": {"alias": {"text": str(alias)}, "version": {"nat": int(version)}}},
        }:
            yield path, f"{alias}@{version}"
        case dict():
            for key, item in node.items():
                yield from _references(item, f"{path}.{key}")
        case list():
            for index, item in enumerate(node):
                yield from _references(item, f"{path}[{index}]")
