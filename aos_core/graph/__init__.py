"""Drawing a directed graph in character cells: pure functions, no state, no worlds.

``layout`` ranks and orders nodes, ``place`` says where they stand (Sugiyama's method), ``route``
leads the edges between two layers, ``draw`` makes cells of it all, ``fit`` chooses how, so that it
fits a pane.
"""
