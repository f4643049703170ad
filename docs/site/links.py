"""A hook of mkdocs: what the pages link to outside ``docs`` is part of the site.

The pages are read in a checkout, too, where ``../examples/04-aggregator`` leads to the world's own
page. So such links stay as they are, and the site gets a page for whatever they lead to: the page
itself, a folder's README or a list of what is in it, a source file to be read. What those pages
link to follows them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PLACE = "repository"
"""Where in the site stands what is not below ``docs``."""

_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
_FENCE = re.compile(r"(^```.*?^```[^\n]*$)", re.DOTALL | re.MULTILINE)
_LANGUAGES = {".py": "python", ".rs": "rust", ".json": "json", ".toml": "toml", ".sh": "bash"}
_PICTURES = (".svg", ".png")
_LONGEST = 100_000
"""Bytes of a source that is shown; a longer one is a file of the site as it is."""


def on_files(files: Files, config: Any) -> Files:
    """Add what the pages lead to, and what that leads to."""
    for name in ("site.css",):
        files.append(File.generated(config, name, abs_src_path=str(DOCS / "site" / name)))
    waiting = [page.src_uri for page in files.documentation_pages()]
    known = {*waiting, *(of.src_uri for of in files)}
    sources = {uri: f"docs/{uri}" for uri in waiting}
    sources[f"{PLACE}/examples/README.md"] = "examples/README.md"  # it is in the table of contents
    waiting.append(f"{PLACE}/examples/README.md")
    for uri in waiting:  # grows meanwhile
        source = sources[uri]
        if uri not in known:
            known.add(uri)
            files.append(_file(config, uri, source))
        if source.endswith(".md"):
            for to in _leads_to(source):
                if (found := _uri(to)) not in sources:
                    sources[found] = to
                    waiting.append(found)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead to where the site has what they mean."""
    source = _source(page.file.src_uri)
    if not source.endswith(".md"):
        return markdown

    def led(link: str) -> str:
        to = _target(source, link)
        uri = link if to is None else _uri(to)
        here = posixpath.dirname(page.file.src_uri)
        return link if to is None else posixpath.relpath(uri, here or ".")

    return _with_links(markdown, led)


def _with_links(markdown: str, led: Callable[[str], str]) -> str:
    """The text with each link outside of code led elsewhere."""
    parts = _FENCE.split(markdown)
    parts[::2] = [_LINK.sub(lambda of: f"{of[1]}{led(of[2])}{of[3]}", part) for part in parts[::2]]
    return "".join(parts)


def _leads_to(source: str) -> Iterator[str]:
    """What a page of the repository links to, as paths in the repository."""
    for part in _FENCE.split((ROOT / source).read_text("utf-8"))[::2]:
        for link in _LINK.findall(part):
            if (to := _target(source, link[1])) is not None:
                yield to


def _target(source: str, link: str) -> str | None:
    """The path of a link, in the repository; None where it leads out of it or to nothing, which
    mkdocs then tells."""
    if ":" in link:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    if path.startswith("..") or not (ROOT / path).exists():
        return None
    readme = posixpath.join(path, "README.md")
    return readme if (ROOT / readme).exists() else path


def _uri(path: str) -> str:
    """Where the site has a path of the repository."""
    uri = path.removeprefix("docs/") if path.startswith("docs/") else f"{PLACE}/{path}"
    as_it_is = path.endswith((".md", *_PICTURES)) or _is_long(ROOT / path)
    return uri if as_it_is else f"{uri}.md"


def _source(uri: str) -> str:
    """The path in the repository of a page of the site; other than a page for what is shown."""
    inside = uri.removeprefix(f"{PLACE}/")
    path = inside if inside != uri else f"docs/{uri}"
    return path if (ROOT / path).exists() else path.removesuffix(".md")


def _is_long(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > _LONGEST


def _file(config: Any, uri: str, source: str) -> File:
    path = ROOT / source
    if source.endswith((".md", *_PICTURES)) or _is_long(path):
        return File.generated(config, uri, abs_src_path=str(path))
    if path.is_dir():
        shown = "\n".join(f"- `{of.name}`" for of in sorted(path.iterdir()) if of.name[0] != ".")
    else:
        shown = f"```{_LANGUAGES.get(path.suffix, '')}\n{path.read_text('utf-8').rstrip()}\n```"
    return File.generated(config, uri, content=f"# {source}\n\n{shown}\n")
