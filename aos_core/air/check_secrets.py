"""The rules of ``check`` for secrets (air-v1, section 10; B-6, B-23)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aos_core.air.load import Problem
from aos_core.air.nodes import DefSecret
from aos_core.air.survey import Survey, did_you_mean

Problems = Iterator[Problem]


def secrets_name_known_things(survey: Survey) -> Problems:
    for secret in survey.own(DefSecret):
        lists: tuple[tuple[str, tuple[str, ...], Mapping[str, Any]], ...] = (
            ("allowed_caps", secret.allowed_caps, survey.grants),
            ("allowed_plans", secret.allowed_plans, survey.plans),
        )
        for name, given, known in lists:
            for index, value in enumerate(given):
                if value not in known:
                    yield survey.warning(
                        "unknown_name", (secret.kind, secret.name), f"{name}[{index}]",
                        f"{name} names {value!r}, which is not there", did_you_mean(value, known),
                    )  # fmt: skip


def secrets_are_defined(survey: Survey) -> Problems:
    """Of the references that plans hold as constants. Asking with one that nobody defined is no
    error in itself: the adapter refuses it when it acts."""
    known = {secret.name for secret in survey.catalog.all(DefSecret)}
    for view in survey.plans.values():
        for path, step in view.each("emit_effect"):
            for at, name in _references(step.args["params"], f"{path}.params"):
                if name not in known:
                    yield survey.warning(
                        "unknown_secret", view.key, at, f"there is no secret {name}",
                        survey.hint(name, DefSecret.kind),
                    )  # fmt: skip


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
