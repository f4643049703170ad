"""Whether the records of a turn are those that the history has of it.

Heights and names differ without meaning anything: a plan of another definition has other instance
identities, and so its effects have other hashes and keys. Records are compared as the history would
have them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from aos_core import canon
from aos_core.air.values import Value
from aos_core.kernel.records import Record


def as_recorded(
    record: Record, shift: int, name: Callable[[bytes], bytes] | None
) -> dict[str, Any]:
    """A record as it stands in the history, if it is the same: heights are those of the history,
    and so is what ``name`` gives for plan instances, intents and keys."""
    plain = record.to_prepared()
    if record.by is not None:
        plain["by"] = record.by + shift
    if name is None:
        return plain
    named: dict[str, Any] = renamed(plain, name)
    return named


def renamed(value: Any, name: Callable[[bytes], bytes]) -> Any:
    """A value, plain or of the evaluator, with other names for the hashes in it, as bytes or as
    text; keys of maps stay."""
    match value:
        case bytes() if len(value) == 32:
            return name(value)
        case str() if canon.is_hash_text(value):
            return canon.hash_text(name(canon.parse_hash(value)))
        case Value():
            return Value(value.kind, renamed(value.data, name))
        case dict():
            return {key: renamed(of, name) for key, of in value.items()}
        case list() | tuple():
            return type(value)([renamed(of, name) for of in value])
    return value


def first_that_differs(ours: Sequence[Any], theirs: Sequence[Any]) -> int | None:
    """The first record of a turn that differs; not where only its hash does, which follows from
    the rest, and may follow from a name."""
    pairs = zip_longest(map(_without_hash, ours), map(_without_hash, theirs))
    return next((at for at, (one, other) in enumerate(pairs) if one != other), None)


def _without_hash(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: of for name, of in record.items() if name != "hash"}


def count_differences(ours: Sequence[Any], theirs: Sequence[Any]) -> int:
    """How many records of a turn have none like them on the other side, on the side that has more
    of those: one that came in between does not make others of those after it. At least 1."""
    kinds = [Counter(map(_likeness, of)) for of in (ours, theirs)]
    return max(1, (kinds[0] - kinds[1]).total(), (kinds[1] - kinds[0]).total())


def _likeness(record: Mapping[str, Any]) -> bytes:
    """Equal for records that say the same, whatever caused them."""
    return canon.encode_plain(
        {name: of for name, of in _without_hash(record).items() if name != "by"}
    )
