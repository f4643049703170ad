"""``aos``: the headless twin of the app. One file a command group; ``main`` is the entry."""
