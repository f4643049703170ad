"""Draws the life cycles of the kernel from its tables, as text: the diagrams of docs/concepts.md,
which docs/generate.py writes there.

Text is read in a terminal, by a screen reader and in any colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Table = Mapping[str, Mapping[str, str]]


def diagram(table: Table) -> str:
    """A life cycle as a tree of what may happen, from its first state on.

    What follows a state stands where the state is met first; where it is met again stands
    ``(again)``. A state in which nothing can happen is an ``(end)``. Raises :class:`ValueError` if
    a state is never met.
    """
    first = next(iter(table))
    met = {first}
    lines = [first, *_ways(table, first, "", met)]
    if unmet := set(table) - met:
        raise ValueError(f"nothing leads to {sorted(unmet)}")
    return "\n".join(lines)


def _ways(table: Table, state: str, indent: str, met: set[str]) -> Iterator[str]:
    ways = list(table[state].items())
    width = max((len(event) for event, _ in ways), default=0)
    for event, to in ways:
        last = event == ways[-1][0]
        arrow = f"{'╰' if last else '├'}─ {event} {'─' * (width - len(event))}─▸ {to}"
        note = "  (end)" if not table[to] else "  (again)" if to in met else ""
        yield f"{indent}{arrow}{note}"
        if to not in met:
            met.add(to)
            yield from _ways(table, to, f"{indent}{' ' if last else '│'}{' ' * (width + 6)}", met)
