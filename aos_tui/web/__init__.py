"""``aos-tui --web``: the app in a browser, through textual-serve (the extra ``web``)."""
