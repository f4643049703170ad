"""Fixtures of tests with real servers: import them where they are used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.servers import Server, serving

VALUE = "sk-a-very-secret-value"
"""Of the secret ``demo/key@1``, which comes from ``DEMO_KEY``."""


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes elsewhere than to the test's own servers."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "AOS_LLM_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def with_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has the secret."""
    monkeypatch.setenv("DEMO_KEY", VALUE)


@pytest.fixture(name="server")
def real_server() -> Iterator[Server]:
    """A server on this machine that answers with what it is asked for."""
    with serving() as of:
        yield of
