"""The process that is killed: it writes a real world and says what has become durable.

``python -m tests.crash.writer FD`` loads everything once and then waits at a socket. For every
order that comes with the end of a pipe it forks, before it has any thread, a child that opens the
world and writes until it is killed. A child writes a line ``height head`` to the pipe for each
durable turn: after ``fire`` or ``deliver`` has returned, or for all turns of a group after the
group. A child that fails writes its traceback there instead.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from aos_core.frames import Frame, own_frame
from aos_core.journal import Journal
from aos_core.world import World
from tests.support import EVENT, start

SIZES = [2] * 20 + [100] * 8 + [10_000] * 3 + [300_000]
"""Lengths of a topic, in bytes: a kill may come in the middle of a write."""

MOST_TURNS = 200
"""A child that was forgotten stops here."""


def serve(orders: socket.socket) -> None:
    """Fork a child for each order, tell its number, reap it when that is asked for."""
    while order := _receive(orders):
        message, pipe = order
        child = os.fork()
        if child == 0:
            orders.close()
            _be_child(message, pipe)
        os.close(pipe)
        orders.sendall(f"{child}\n".encode())
        orders.recv(1)  # by then it was killed; until it is reaped its number stays its own
        _, status = os.waitpid(child, 0)
        orders.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _receive(orders: socket.socket) -> tuple[dict[str, Any], int] | None:
    data, descriptors, _, _ = socket.recv_fds(orders, 65536, 1)
    return (json.loads(data), descriptors[0]) if data else None


def _be_child(order: dict[str, Any], pipe: int) -> None:
    def tell(text: str) -> None:
        os.write(pipe, text.encode())

    try:
        write(Path(order["world"]), Random(order["seed"]), tell, hasty=order["hasty"])
        signal.pause()
    except BaseException:
        tell(traceback.format_exc())
    finally:
        os._exit(1)


def write(path: Path, random: Random, tell: Callable[[str], None], *, hasty: bool) -> None:
    """Write the world at ``path``. ``hasty``, a canary: tell of turns before they are written."""
    with World.open(path) as world:
        if hasty:
            _make_hasty(world._journal, tell)
        group = getattr(world, "group", world._journal.group)
        tell(_line(world))
        for _ in range(MOST_TURNS):
            if random.random() < 0.7:
                _turn(world, random)
                tell(_line(world))
                continue
            lines = []
            with group():
                for _ in range(random.randrange(1, 6)):
                    _turn(world, random)
                    lines.append(_line(world))
            tell("".join(lines))


def _make_hasty(journal: Journal, tell: Callable[[str], None]) -> None:
    add = journal.add

    def hasty(payload: bytes) -> Frame:
        coming = own_frame(payload, journal.last)
        tell(f"{coming.last_height} {coming.hash.hex()}\n")
        time.sleep(0.01)
        return add(payload)

    journal.add = hasty  # type: ignore[method-assign]


def _turn(world: World, random: Random) -> None:
    pending = world.pending
    if pending and random.random() < 0.7:
        world.deliver(random.choice(pending).answer())
    else:
        topic = random.randbytes(1).hex() * (random.choice(SIZES) // 2)
        world.fire(EVENT, start(topic=topic))


def _line(world: World) -> str:
    return f"{world.height} {world.head.hex()}\n"


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
