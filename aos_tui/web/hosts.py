"""By which names a browser may call the server.

A page of another site can have its own name lead here (DNS rebinding), and would then be taken for
ours. So only names are heeded that nobody else can give away: this machine's addresses, and those
that its user has named.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from aos_tui.options import host_name

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_known(host: str, reached: str | None, names: Collection[str]) -> bool:
    """Whether a request may call this server ``host``, as its header says. ``reached``: the address
    of this machine at which it came in; ``names``: those that are allowed beside."""
    name = host_name(host)
    if name is None:
        return False
    if name in LOOPBACK or name in names:
        return True
    here = _address(reached or "")
    return here is not None and _address(name) == here


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def refusal(host: str) -> str:
    """What one is told who calls it otherwise."""
    name = host_name(host)
    if name is None:
        return "This server was not called by any name."
    return (
        f"This server is not known as {name}. If that is a name of its machine, start it with\n\n"
        f"    aos-tui --web --allow-host {name}\n\n"
        "or call it by its address. Other names are refused, because any site could have its own "
        "lead here and act on the world."
    )
