"""By which names a browser may call the server.

A page of another site can have its own name lead here (DNS rebinding), and would then be taken for
ours. So only names are heeded that its user has named. An address is no name: nobody can have it
lead elsewhere than to the machine that has it, be that this one, the router before it or the host
of its container.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from aos_tui.options import host_name


def is_known(host: str, names: Collection[str]) -> bool:
    """Whether a request may call this server ``host``, as its header says. ``names``: those that
    are allowed beside ``localhost`` and every address."""
    name = host_name(host)
    return name is not None and (name == "localhost" or name in names or _is_address(name))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


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
