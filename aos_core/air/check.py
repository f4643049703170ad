"""Whether a loaded world makes sense: every problem at once, before anything runs.

Structure, hashes and most literals were looked at by :mod:`aos_core.air.load`; what is left is
what needs the whole world in view. A rule is a function that gives the problems it finds. To add
one, write it beside its like, name it here, and give ``tests/air/broken_worlds.py`` (or
``broken_plans.py``) a world that breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aos_core.air import check_authority, check_plans, check_routing, check_secrets, check_world
from aos_core.air.load import Catalog
from aos_core.air.survey import Survey
from aos_core.problems import Problem, has_errors, placed, raise_errors

Rule = Callable[[Survey], Iterable[Problem]]

RULES_OF_NODES: tuple[Rule, ...] = (
    check_world.schemas_are_known,
    check_world.types_are_acyclic,
    check_world.types_are_bounded,
    check_world.effect_kinds_are_unique,
    check_world.effects_have_caps,
    check_world.modules_have_wasm,
    check_world.contexts_are_known,
    check_secrets.secrets_are_bound,
    check_secrets.secrets_are_defined,
    check_secrets.secrets_are_allowed,
    check_plans.step_ids_are_unique,
    check_plans.edges_join_steps,
    check_plans.plans_are_acyclic,
    check_plans.expressions_parse,
    check_plans.references_resolve,
    check_plans.values_fit_their_slots,
    check_plans.idempotency_keys_are_hashes,
    check_plans.awaits_name_handles,
    check_plans.receipts_are_awaited_once,
    check_plans.derived_sets_agree,
    check_plans.results_match_outputs,
)
"""What can be said of nodes whatever the manifest says."""

RULES_OF_WORLDS: tuple[Rule, ...] = (
    check_world.version_is_named,
    check_world.listed_names_resolve,
    check_world.nodes_are_listed,
    check_world.effects_are_listed,
    check_world.reducer_effects_are_granted,
    check_world.module_bindings_fit,
    check_authority.grants_fit,
    check_authority.cap_enforcers_are_listed,
    check_authority.cap_enforcers_can_judge,
    check_authority.default_policy_exists,
    check_authority.policies_name_known_things,
    check_secrets.secrets_name_known_things,
    check_routing.routes_fit,
    check_routing.reducer_receipts_are_routed,
    check_routing.receipt_events_suit_every_reducer,
    check_routing.inboxes_name_reducers,
    check_routing.triggers_fit,
    check_plans.emits_are_granted,
    check_plans.correlated_waits_are_filtered,
)
"""What rests on the manifest."""

RULES = (*RULES_OF_NODES, *RULES_OF_WORLDS)


def check(catalog: Catalog) -> tuple[Problem, ...]:
    """Every problem of a world: those found at load, then errors and warnings rule by rule, each
    with its line and column where the files are known.

    A world without errors compiles (``kernel.program.compile_program``).
    """
    return placed(_problems(catalog), catalog.texts)


def require_sound(catalog: Catalog) -> None:
    """Raise :class:`CheckFailed`, with every problem, for a world that has an error."""
    problems = _problems(catalog)
    if has_errors(problems):
        raise_errors(placed(problems, catalog.texts))


def _problems(catalog: Catalog) -> tuple[Problem, ...]:
    survey = Survey.of(catalog)
    rules = RULES if catalog.has_manifest else RULES_OF_NODES
    found = [problem for rule in rules for problem in rule(survey)]
    return (*catalog.problems, *(of for of in found if not _is_told(of, catalog)))


def _is_told(problem: Problem, catalog: Catalog) -> bool:
    """Whether it is about a part of a node that could not be read, which is a problem already."""
    path = problem.path or ""
    inside = (file == problem.file and f"{path}.".startswith((f"{of}.", f"{of}["))
              for file, of in catalog.broken)  # fmt: skip
    return any(inside)
