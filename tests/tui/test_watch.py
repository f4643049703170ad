"""What the watcher tells of, and what it leaves out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aos_tui.watch import changes


@pytest.mark.parametrize("built", [True, False])
async def test_a_module_built_elsewhere_counts_where_it_is_waited_for(
    tmp_path: Path, built: bool
) -> None:
    cache = tmp_path / ".aos/cache/modules"
    cache.mkdir(parents=True)
    seen: set[str] = set()

    async def watch() -> None:
        async for found in changes([tmp_path], built=built):
            seen.update(path.name for path in found)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.3)
    (cache / "abc.wasm").write_bytes(b"\0asm")
    (tmp_path / ".aos/other.json").write_text("{}")
    await asyncio.sleep(0.7)
    (tmp_path / "end.json").write_text("{}")
    for _ in range(200):
        await asyncio.sleep(0.02)
        if "end.json" in seen:
            break
    watching.cancel()
    assert seen == ({"abc.wasm", "end.json"} if built else {"end.json"})
