"""Laying out and drawing plan graphs: ``python -m tests.benchmarks.graph``.

Random graphs of 200 steps and 300 edges: edges lead anywhere, so most pass many layers; and edges
lead to one of the next steps, as people write plans. Given are medians in milliseconds of
processor time.
"""

from __future__ import annotations

import random
import statistics
import time

from aos_core.graph.draw import Form, drawn
from aos_core.graph.layout import Edge, layered

NODES, EDGES, RUNS = 200, 300, 9


def graph(seed: int, reach: int) -> list[Edge]:
    """A graph whose edges lead to one of the next ``reach`` nodes."""
    chance = random.Random(seed)
    found: set[tuple[int, int]] = set()
    while len(found) < EDGES:
        source = chance.randrange(NODES - 1)
        found.add((source, chance.randint(source + 1, min(NODES - 1, source + reach))))
    return [Edge(source, target) for source, target in sorted(found)]


def measure(reach: int) -> tuple[float, float]:
    """(ranks and order, places and routes and cells) in milliseconds."""
    names = [f"step_{number}" for number in range(NODES)]
    ordering, drawing = [], []
    for seed in range(RUNS):
        edges = graph(seed, reach)
        begin = time.process_time()
        layers = layered(NODES, edges)
        ordered = time.process_time()
        drawn(names, edges, Form(), layers=layers)
        drawing.append((time.process_time() - ordered) * 1000)
        ordering.append((ordered - begin) * 1000)
    return statistics.median(ordering), statistics.median(drawing)


if __name__ == "__main__":
    for title, reach in (("edges to anywhere", NODES), ("edges to the next 12 steps", 12)):
        order, draw = measure(reach)
        print(f"{title}: order {order:.0f} ms, draw {draw:.0f} ms, together {order + draw:.0f} ms")
