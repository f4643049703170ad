"""What ``world.toml`` says about live adapters: ``[http]`` and ``[llm.PROVIDER]``.

None of it is journaled: a receipt is what counts, however it was got.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aos_core.toml_table import Table

MIB = 2**20
MOST_BODY_MIB = 950
"""The store holds objects of up to 10^9 bytes."""
MOST_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """``timeout_s``: seconds for a whole exchange, redirects included; ``max_body_mib``: longest
    answer, in MiB; ``follow_redirects``: whether a redirect is followed or is the answer."""

    timeout_s: int = 30
    max_body_mib: int = 16
    follow_redirects: bool = False

    @property
    def max_body(self) -> int:
        """In bytes."""
        return self.max_body_mib * MIB


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """Where a provider answers: ``base_url`` as in ``https://host/v1``, ``timeout_s`` seconds for
    an answer, and what a million tokens cost, in cents."""

    base_url: str
    timeout_s: int = 120
    prompt_cents_per_mtok: int = 0
    completion_cents_per_mtok: int = 0


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """``llm`` by provider, as ``llm.generate`` names it."""

    http: HttpSettings = HttpSettings()
    llm: Mapping[str, LlmSettings] = field(default_factory=dict)


def read_live_settings(world: Table) -> LiveSettings:
    """The settings of a ``world.toml``. Raises :class:`WorldError`."""
    providers = world.get("llm", dict, {})
    llm = world.sub("llm", tuple(providers))
    return LiveSettings(_http(world), {name: _provider(llm, name) for name in providers})


def _http(world: Table) -> HttpSettings:
    default = HttpSettings()
    of = world.sub("http", ("timeout_s", "max_body_mib", "follow_redirects"))
    return HttpSettings(
        of.whole("timeout_s", default.timeout_s, 1, MOST_SECONDS),
        of.whole("max_body_mib", default.max_body_mib, 1, MOST_BODY_MIB),
        of.get("follow_redirects", bool, default.follow_redirects),
    )


def _provider(llm: Table, name: str) -> LlmSettings:
    of = llm.sub(
        name, ("base_url", "timeout_s", "prompt_cents_per_mtok", "completion_cents_per_mtok")
    )
    base_url = of.need("base_url", str)
    if not base_url.startswith(("http://", "https://")):
        raise of.bad("base_url", "expected a URL as in https://host/v1")
    return LlmSettings(
        base_url,
        of.whole("timeout_s", 120, 1, MOST_SECONDS),
        of.whole("prompt_cents_per_mtok", 0, 0),
        of.whole("completion_cents_per_mtok", 0, 0),
    )
