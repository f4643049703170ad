"""The typed error tree of ``aos_core``.

Every error says what is wrong, where, and what to do::

    AosError
    +-- CanonError            bytes that are not canonical CBOR, or a value CBOR cannot hold
    +-- UsageError            a call that makes no sense here (unknown branch, no such number)
    |   +-- BranchLocked      another process writes this branch
    |   |-- ReadOnly          the branch can be looked at, but not be written to
    |   `-- NotTrusted        a stranger's world that the user has not agreed to building
    +-- WorldError            a world on disk that does not load
    |   +-- AirError          one AIR node, type, literal or expression that is wrong
    |   +-- CheckFailed       the problems of a whole world, together
    |   `-- ModuleMissing     no wasm for a module, or wasm that is not a module
    +-- BuildFailed           sources that do not become a module, with what the compiler found
    |   `-- NoToolchain       no compiler on this machine
    +-- Rejected              refused at the border: nothing was written
    |   +-- ValueRejected     a value that does not fit its schema
    |   `-- UnknownIntent     a receipt for an intent that this world never asked for
    +-- DamagedError          bytes on disk that do not hold together
    |   +-- JournalDamaged    a frame of a journal
    |   `-- StoreDamaged      an object of the store that is missing or altered
    +-- Diverged              a journal whose inputs no longer give what it recorded
    +-- SecretError           a secret that cannot be put into an effect's params
    +-- StepFault             a step that trapped, ran out of fuel or answered rubbish (kernel only)
    `-- LifecycleError        an input that the life cycle of its object does not allow (a bug)

A *fault* of a turn and a *failed plan* are no exceptions: they are records (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class AosError(Exception):
    """Something is wrong. ``code`` names the kind for programs, ``message`` says it to people.

    ``where`` holds its place: ``file``, ``path`` (JSON path), ``line``, ``column``, ``frame``,
    ``offset``, ``height``, ``plan``, ``step``, ``reducer``, ``cell``: whichever are known.
    ``hint`` says what to do, where there is something to do.
    """

    code = "error"
    exit_code = 2

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, **where: object
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code
        self.where: Mapping[str, object] = MappingProxyType(
            {name: value for name, value in where.items() if value is not None}
        )

    def __str__(self) -> str:
        place = ", ".join(f"{name} {value}" for name, value in self.where.items())
        return f"{self.message} ({place})" if place else self.message

    def to_json(self) -> dict[str, object]:
        """``{code, message, where, hint}``, as ``--json`` prints it."""
        return {
            "code": self.code,
            "message": self.message,
            "where": {name: _plain(value) for name, value in self.where.items()},
            "hint": self.hint,
        }

    def __reduce__(self) -> tuple[object, ...]:
        """As it is, from another process."""
        return _remade, (type(self), self.args, {**self.__dict__, "where": dict(self.where)})


def _remade(kind: type[AosError], args: tuple[object, ...], state: dict[str, Any]) -> AosError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state, where=MappingProxyType(state["where"]))
    return error


def _plain(value: object) -> object:
    return value if isinstance(value, (str, int, bool)) else str(value)


class CanonError(AosError):
    """Bytes that are not the CBOR we accept, or a value that canonical CBOR cannot hold."""

    code = "bad_cbor"


class UsageError(AosError):
    """A call that makes no sense here."""

    code = "usage"


class NotPending(UsageError):
    """What is asked for does not wait for a receipt, or no longer."""


class BranchLocked(UsageError):
    """Another process holds the branch; the message names it."""

    code = "branch_locked"


class ReadOnly(UsageError):
    """The branch can be read, but not be written to (damage, divergence, or no permission)."""

    code = "read_only"


class NotTrusted(UsageError):
    """A stranger's world that the user has not agreed to building."""

    code = "not_trusted"


class WorldError(AosError):
    """A world on disk that does not load."""

    code = "bad_world"


class AirError(WorldError):
    """One AIR node, type, literal or expression that is wrong; ``path`` is a JSON path."""

    code = "bad_air"


class CheckFailed(WorldError):
    """A world with problems. ``problems`` holds all of them."""

    code = "check_failed"

    def __init__(self, message: str, problems: tuple[object, ...]) -> None:
        super().__init__(message, hint="`aos check` lists every problem with its place")
        self.problems = problems


class ModuleMissing(WorldError):
    """No wasm for a module, or bytes that are not a usable module."""

    code = "bad_module"


class BuildFailed(AosError):
    """Sources that do not become a module. ``diagnostics`` holds every error of the compiler (see
    ``aos_core.build.Diagnostic``), ``log`` all it said; ``where`` is the place of the first."""

    code = "build_failed"

    def __init__(
        self,
        message: str,
        *,
        diagnostics: tuple[Any, ...] = (),
        log: str = "",
        hint: str | None = None,
        code: str | None = None,
        **where: object,
    ) -> None:
        super().__init__(message, hint=hint, code=code, **where)
        self.diagnostics, self.log = diagnostics, log

    def to_json(self) -> dict[str, object]:
        """The same with ``diagnostics``, all of them."""
        return {**super().to_json(), "diagnostics": [of.to_json() for of in self.diagnostics]}


class NoToolchain(BuildFailed):
    """No compiler on this machine can build a module."""

    code = "no_toolchain"


class Rejected(AosError):
    """Refused at the border: nothing was written, the world is as it was."""

    code = "rejected"


class ValueRejected(Rejected):
    """A value that does not fit its schema; ``path`` names the offending field."""

    code = "bad_value"


class UnknownIntent(Rejected):
    """A receipt for an intent that this world never asked for."""

    code = "unknown_intent"


class DamagedError(AosError):
    """Bytes on disk that do not hold together."""

    code = "damaged"
    exit_code = 3


class JournalDamaged(DamagedError):
    """A frame of a journal is damaged; ``offset`` and ``height`` name it. The prefix is good."""

    code = "journal_damaged"

    @property
    def height(self) -> int:
        """The height from which on nothing can be read."""
        height = self.where["height"]
        assert isinstance(height, int)
        return height


class StoreDamaged(DamagedError):
    """An object of the store is missing, or its bytes do not have its hash."""

    code = "store_damaged"


class Diverged(AosError):
    """The inputs of a journal no longer give what it recorded; ``divergence`` says where."""

    code = "diverged"
    exit_code = 1
    divergence: Any = None


class LifecycleError(AosError):
    """An input that the life cycle of a step, instance or intent does not allow."""

    code = "lifecycle"


class SecretError(AosError):
    """A secret that cannot be put into an effect's params. Never holds a value."""

    code = "secret_missing"


class StepFault(AosError):
    """A reducer's step went wrong in a way that replays: trap, out of fuel, bad output.

    The kernel turns it into a ``fault`` record; it never reaches a caller of the library.
    """

    code = "trap"
