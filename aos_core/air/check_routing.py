"""The rules of ``check`` for routes, inboxes and triggers (air-v1, section 7; B-15)."""

from __future__ import annotations

from aos_core.air.builtins import (
    RECEIPT_EVENTS,
)
from aos_core.air.manifest import Route
from aos_core.air.nodes import DefModule, DefPlan, DefSchema
from aos_core.air.plan_view import Held, lack
from aos_core.air.survey import MANIFEST, Problems, Survey
from aos_core.air.types import Ref
from aos_core.hints import did_you_mean


def routes_fit(survey: Survey) -> Problems:
    for index, route in enumerate(survey.manifest.routes or ()):
        path = f"routing.events[{index}]"
        module = survey.modules.get(route.reducer)
        if module is None or module.module_kind != "reducer":
            yield from survey.unknown_reducer(f"{path}.reducer", route.reducer)
            continue
        if route.reducer.startswith("sys/"):
            message = f"this version does not run {route.reducer}"
            yield survey.error("not_run", MANIFEST, f"{path}.reducer", message)
        event, schemas = module.abi["event"], survey.catalog.schemas
        if event not in schemas:
            continue  # a problem of its own
        if route.event != event and route.event not in schemas.member_tags(event):
            yield survey.error(
                "wrong_event", MANIFEST, f"{path}.event",
                f"{route.reducer} takes {event}, which does not hold {route.event}",
                f"route {event}, or give it one arm that refers to {route.event}",
            )  # fmt: skip
            continue
        yield from _key_field_fits(survey, route, module, path)


def _key_field_fits(survey: Survey, route: Route, module: DefModule, path: str) -> Problems:
    if module.key_schema is None and route.key_field is not None:
        yield survey.error(
            "key_field", MANIFEST, f"{path}.key_field", f"{route.reducer} is not keyed",
            "leave key_field out, or give the module a key_schema",
        )  # fmt: skip
    elif module.key_schema is not None and not route.key_field:
        if route.event not in RECEIPT_EVENTS.values():
            yield survey.error(
                "key_field", MANIFEST, path, f"{route.reducer} is keyed, so the route needs a "
                "key_field", "the path of the key in the event, such as $value.id",
            )  # fmt: skip
    elif route.key_field and route.event in survey.catalog.schemas.types:
        found = _lack(survey, route.event, route.key_field)
        if found is not None:
            yield survey.error("key_field", MANIFEST, f"{path}.key_field", *found)


def _lack(survey: Survey, schema: str, path: str) -> tuple[str, str | None] | None:
    """(message, hint) where a path is not in a schema, or None."""
    found = lack(Held(Ref(schema)), tuple(path.split(".")), survey.catalog.schemas)
    if found is None:
        return None
    return f"{schema} has no {path}: no {found.part!r}", did_you_mean(found.part, found.known)


def reducer_receipts_are_routed(survey: Survey) -> Problems:
    """A reducer that no route brings its receipts asks for effects in vain."""
    for module in survey.own(DefModule):
        for index, kind in enumerate(module.effects_emitted):
            event = RECEIPT_EVENTS.get(kind)
            if event is not None and not _reaches(survey, module, event):
                yield survey.warning(
                    "no_receipt_route", (module.kind, module.name),
                    f"abi.{module.module_kind}.effects_emitted[{index}]",
                    f"no route brings it {event}, the receipt of {kind}",
                    f"refer to {event} in an arm of {module.abi.get('event')}; a keyed reducer "
                    "also needs a route to it without key_field",
                )  # fmt: skip


def _reaches(survey: Survey, module: DefModule, event: str) -> bool:
    routes = [of for of in survey.manifest.routes or () if of.reducer == module.name]
    if any(route.event == event for route in routes):
        return True
    family = any(of.event == module.abi.get("event") and not of.key_field for of in routes)
    return family and event in survey.catalog.schemas.member_tags(module.abi.get("event", ""))


def receipt_events_suit_every_reducer(survey: Survey) -> Problems:
    """A receipt event has the key of the asking cell or none, so keyed and unkeyed reducers
    cannot both take it: whichever asked, the other's route refuses its receipt."""
    emitted = {kind for module in survey.own(DefModule) for kind in module.effects_emitted}
    for kind in sorted(emitted & RECEIPT_EVENTS.keys()):
        event = RECEIPT_EVENTS[kind]
        takers = [of for of in survey.own(DefModule) if _reaches(survey, of, event)]
        keyed = [of.name for of in takers if of.key_schema is not None]
        unkeyed = [of.name for of in takers if of.key_schema is None]
        if keyed and unkeyed:
            yield survey.error(
                "mixed_receipts", MANIFEST, "routing.events",
                f"{event} goes to {keyed[0]}, which is keyed, and to {unkeyed[0]}, which is not: "
                "no receipt suits both",
                f"key both or none, or drop the arm for {event} where {kind} is not asked for",
            )  # fmt: skip


def inboxes_name_reducers(survey: Survey) -> Problems:
    for index, inbox in enumerate(survey.manifest.inboxes):
        module = survey.modules.get(inbox.reducer)
        if module is None or module.module_kind != "reducer":
            path = f"routing.inboxes[{index}].reducer"
            yield from survey.unknown_reducer(path, inbox.reducer)


def triggers_fit(survey: Survey) -> Problems:
    seen: set[tuple[str, str]] = set()
    for index, trigger in enumerate(survey.manifest.triggers):
        path = f"triggers[{index}]"
        if (trigger.event, trigger.plan) in seen:
            message = f"two triggers start {trigger.plan} for {trigger.event}"
            yield survey.error("duplicate", MANIFEST, path, message)
        seen.add((trigger.event, trigger.plan))
        if (DefSchema.kind, trigger.event) not in survey.catalog.nodes:
            hint = survey.hint(trigger.event, DefSchema.kind)
            message = f"unknown schema {trigger.event}"
            yield from survey.unknown(
                trigger.event, "unknown_schema", MANIFEST, f"{path}.event", message, hint
            )
        elif trigger.correlate_by is not None and trigger.event in survey.catalog.schemas:
            found = _lack(survey, trigger.event, trigger.correlate_by)
            if found is not None:
                yield survey.warning("correlate_by", MANIFEST, f"{path}.correlate_by", *found)
        view = survey.plans.get(trigger.plan)
        if view is None:
            hint = survey.hint(trigger.plan, DefPlan.kind)
            message = f"unknown plan {trigger.plan}"
            yield from survey.unknown(
                trigger.plan, "unknown_plan", MANIFEST, f"{path}.plan", message, hint
            )
        elif view.plan.input != trigger.event:
            message = f"{trigger.plan} takes {view.plan.input}, not {trigger.event}"
            yield survey.error("wrong_event", MANIFEST, f"{path}.event", message)
