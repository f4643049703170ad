"""What the watcher tells of, and what it leaves out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aos_tui.watch import changes


@pytest.mark.parametrize("to_open", [True, False])
async def test_modules_built_elsewhere_and_journals_count_where_they_are_waited_for(
    tmp_path: Path, to_open: bool
) -> None:
    cache, journals = tmp_path / ".aos/cache/modules", tmp_path / ".aos/journal"
    cache.mkdir(parents=True)
    journals.mkdir()
    seen: set[str] = set()

    async def watch() -> None:
        async for found in changes([tmp_path], to_open=to_open):
            seen.update(path.name for path in found)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.3)
    (cache / "abc.wasm").write_bytes(b"\0asm")
    (journals / "main.log").write_bytes(b"frame")
    (journals / "main.offsets").write_bytes(b"0")
    (tmp_path / ".aos/other.json").write_text("{}")
    await asyncio.sleep(0.7)
    (tmp_path / "end.json").write_text("{}")
    for _ in range(200):
        await asyncio.sleep(0.02)
        if "end.json" in seen:
            break
    watching.cancel()
    assert seen == ({"abc.wasm", "main.log", "end.json"} if to_open else {"end.json"})
