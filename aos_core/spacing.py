"""How far snapshots lie apart: ``[snapshots]`` of ``world.toml``."""

from __future__ import annotations

from dataclasses import dataclass

from aos_core.frames import Frame


@dataclass(frozen=True, slots=True)
class Spacing:
    """When a snapshot is due: after so many turns, and so many bytes of journal."""

    turns: int
    bytes: int

    def due(self, index: int, frame: Frame) -> bool:
        """Whether frame ``index`` is one to keep the state after. By its place alone, so that all
        who run a journal again agree."""
        if index == 0:
            return False
        return index % self.turns == 0 or frame.offset // self.bytes != frame.end // self.bytes
