"""Secrets, put into what an adapter gets and nowhere else (air-v1, section 10; B-23).

The kernel knows references only: ``{"$tag": "secret", "$value": {alias, version}}`` in an intent's
params. A live adapter calls :func:`resolve` when it is about to act. What comes back must not be
logged, shown, or put into a receipt. No error here holds a value or its digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aos_core import canon
from aos_core.air.nodes import DefSecret
from aos_core.errors import SecretError
from aos_core.kernel.program import Program
from aos_core.kernel.secrets import reference
from aos_core.kernel.state import Intent

_ENV = "env:"


def resolve(intent: Intent, program: Program, environ: Mapping[str, str]) -> Any:
    """The params of ``intent`` as an adapter uses them: runtime data in which each reference to
    a secret is the bare value, text if it is UTF-8, else bytes. A ``literal`` arm stays a variant.

    ``environ`` holds what ``env:NAME`` bindings name, as ``os.environ`` does. Raises
    :class:`SecretError` with the code ``secret_unknown``, ``secret_binding``, ``secret_missing``
    or ``secret_changed``.
    """
    return _put(canon.decode(intent.params), program.secrets, environ)


def _put(value: Any, secrets: Mapping[str, DefSecret], environ: Mapping[str, str]) -> Any:
    name = reference(value)
    if name is not None:
        return _value(name, secrets, environ)
    if isinstance(value, dict):
        return {key: _put(item, secrets, environ) for key, item in value.items()}
    if isinstance(value, list):
        return [_put(item, secrets, environ) for item in value]
    return value


def _value(name: str, secrets: Mapping[str, DefSecret], environ: Mapping[str, str]) -> str | bytes:
    secret = secrets.get(name)
    if secret is None:
        raise SecretError(
            f"there is no secret {name}",
            code="secret_unknown",
            hint="list a defsecret of that name and version in the manifest",
        )
    if not secret.binding_id.startswith(_ENV):
        raise SecretError(
            f"secret {name} is bound to {secret.binding_id!r}, which nothing here can read",
            code="secret_binding",
            hint="bind it to an environment variable: env:NAME",
        )
    variable = secret.binding_id.removeprefix(_ENV)
    given = environ.get(variable)
    if given is None:
        raise SecretError(
            f"secret {name} is bound to the environment variable {variable}, which is not set",
            code="secret_missing",
            hint=f"set {variable} before you start the live adapter",
            variable=variable,
        )
    data = given.encode("utf-8", "surrogateescape")  # how Python keeps other bytes in environ
    expected = secret.expected_digest
    if expected is not None and canon.hash_text(canon.sha256(data)) != expected:
        raise SecretError(
            f"the value of {variable} is not the one that secret {name} expects",
            code="secret_changed",
            hint="set the right value, or mend expected_digest of the defsecret",
            variable=variable,
        )
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
