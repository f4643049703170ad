"""How edges go between two layers: tracks across, one below the other, and doglegs.

Abstract as ``layout``: a wire leaves the upper layer at one place and enters the lower at another.
A straight one needs no track. Bent ones that share an end run on one track, a *net*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Wire(NamedTuple):
    """From a place in the layer above to one in the layer below."""

    top: int
    bottom: int


class Bend(NamedTuple):
    """On ``track`` a wire goes across to the place ``to``."""

    track: int
    to: int


class Routed(NamedTuple):
    """The bends of each wire, top down, and how many tracks there are."""

    bends: tuple[tuple[Bend, ...], ...]
    tracks: int


@dataclass(eq=False, slots=True)
class _Net:
    """Wires on one track: from all ``tops`` to all ``bottoms``. ``lower`` is the second half of
    one that was cut in two; ``joins``: its wires meet in one place below."""

    tops: set[int]
    bottoms: set[int]
    joins: bool
    lower: _Net | None = None
    track: int = -1
    wires: list[int] = field(default_factory=list)

    @property
    def ends(self) -> tuple[int, int]:
        places = self.tops | self.bottoms
        return min(places), max(places)


def routed(wires: Sequence[Wire]) -> Routed:
    """Lead the wires of one gap so that no two of different ends share a piece.

    Where a place is both left by one net and entered by another, the one that leaves has the upper
    track. Nets that would each have to be above the other are cut in two at a free place.
    """
    nets = _nets(wires)
    used = {place for wire in wires for place in wire}
    while (knot := _knot(nets)) is not None:
        nets.append(_cut(knot, used))
    tracks = _assign(nets)
    bends: list[tuple[Bend, ...]] = [()] * len(wires)
    for net in nets:
        for number in net.wires:
            below = net.lower
            if below is None:
                bends[number] = (Bend(net.track, wires[number].bottom),)
            else:
                (free,) = below.tops
                bends[number] = (Bend(net.track, free), Bend(below.track, wires[number].bottom))
    return Routed(tuple(bends), tracks)


def _nets(wires: Sequence[Wire]) -> list[_Net]:
    """Bent wires by what they share: those that lead from all of some places to all of others,
    those that enter one place, else those that leave one."""
    bent = [number for number, wire in enumerate(wires) if wire.top != wire.bottom]
    meshes = _meshes(wires)
    entering: dict[int, int] = {}
    for number in bent:
        bottom = wires[number].bottom
        entering[bottom] = entering.get(bottom, 0) + 1
    nets: dict[tuple[int, int], _Net] = {}
    for number in bent:
        top, bottom = wires[number]
        joins = entering[bottom] > 1
        key = (2, meshes[top]) if top in meshes else (1, bottom) if joins else (0, top)
        net = nets.setdefault(key, _Net(set(), set(), joins))
        net.tops.add(top)
        net.bottoms.add(bottom)
        net.wires.append(number)
    return [nets[key] for key in sorted(nets)]


def _meshes(wires: Sequence[Wire]) -> dict[int, int]:
    """Places above from which wires lead to the same several places below, and to which nothing
    else leads; each with the first of them."""
    below: dict[int, set[int]] = {}
    above: dict[int, set[int]] = {}
    for wire in wires:
        below.setdefault(wire.top, set()).add(wire.bottom)
        above.setdefault(wire.bottom, set()).add(wire.top)
    return {
        top: min(tops)
        for top, bottoms in below.items()
        if len(bottoms) > 1
        and len(tops := above[min(bottoms)]) > 1
        and all(above[of] == tops for of in bottoms)
        and all(below[of] == bottoms for of in tops)
    }


def _above(nets: Sequence[_Net]) -> dict[_Net, list[_Net]]:
    """The nets that must be above each net."""
    leaving: dict[int, list[_Net]] = {}
    for net in nets:
        for place in net.tops:
            leaving.setdefault(place, []).append(net)
    found: dict[_Net, list[_Net]] = {net: [] for net in nets}
    for net in nets:
        for place in sorted(net.bottoms):
            # the halves of a net share the place where it was cut: that is no rule, it is the cut
            found[net] += [of for of in leaving.get(place, ()) if of not in (net, net.lower)]
        if net.lower is not None:
            found[net.lower].append(net)
    return found


def _knot(nets: Sequence[_Net]) -> _Net | None:
    """A net that has to be above itself, by way of others."""
    above = _above(nets)
    left = {net: len(of) for net, of in above.items()}
    under: dict[_Net, list[_Net]] = {net: [] for net in nets}
    for net, of in above.items():
        for upper in of:
            under[upper].append(net)
    ready = [net for net in nets if not left[net]]
    for net in ready:  # grows meanwhile
        for lower in under[net]:
            left[lower] -= 1
            if not left[lower]:
                ready.append(lower)
    stuck = [net for net in nets if left[net]]
    if not stuck:
        return None
    seen: list[_Net] = []
    net = stuck[0]
    while net not in seen:
        seen.append(net)
        net = next(of for of in above[net] if left[of])
    ring = seen[seen.index(net) :]
    return min(ring, key=lambda of: (len(of.wires), of.ends[1] - of.ends[0], of.ends))


def _cut(net: _Net, used: set[int]) -> _Net:
    """Cut a net at the place nearest to its middle that stands free; returns its lower half.

    Only its tops can then ask it to be above others, only its bottoms the lower half to be below:
    neither half is in a ring again.
    """
    first, last = net.ends
    middle = (first + last) // 2
    free = next(
        place
        for apart in range(3 * len(used) + 3)
        for place in (middle + apart, middle - apart)
        if used.isdisjoint((place - 1, place, place + 1))
    )
    used.add(free)
    lower = _Net({free}, net.bottoms, net.joins)
    net.bottoms, net.lower = {free}, lower
    return lower


def _assign(nets: Sequence[_Net]) -> int:
    """Give each net the first track below those that must be above it where it has room; returns
    how many tracks there are. Nets that join come below those that part where they meet."""
    above = _above(nets)
    taken: list[list[tuple[int, int]]] = []
    for net in _topological(nets, above):
        hard = max((of.track for of in above[net]), default=-1)
        track = max([hard, *(of.track for of in nets if _better_above(of, net))]) + 1
        first, last = net.ends
        while track < len(taken) and any(a - 1 <= last and first <= b + 1 for a, b in taken[track]):
            track += 1
        while track >= len(taken):
            taken.append([])
        taken[track].append((first, last))
        net.track = track
    return len(taken)


def _better_above(upper: _Net, net: _Net) -> bool:
    """Whether a reader would follow a wrong line if ``upper`` were not above ``net``."""
    return net.joins and not upper.joins and bool(upper.tops & net.tops)


def _topological(nets: Sequence[_Net], above: dict[_Net, list[_Net]]) -> Iterable[_Net]:
    """Nets after all that must be above them, those that part first, from the left."""
    left, done = list(nets), set[_Net]()
    while left:
        ready = [net for net in left if all(of in done for of in above[net])]
        assert ready, "no net is above itself any more"
        net = min(ready, key=lambda of: (of.joins, *of.ends))
        left.remove(net)
        done.add(net)
        yield net
