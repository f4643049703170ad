"""``Prover``: a reader that runs the branch again, as it lies on the disk, and compares."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from aos_core import canon
from aos_core.chain import Chain
from aos_core.disk import chain_of
from aos_core.errors import Diverged, JournalDamaged
from aos_core.files import WorldFiles
from aos_core.journal import Frames, JournalMissing
from aos_core.kernel.program import Program, compile_program
from aos_core.modules import WorldModules, code_folder, module_name
from aos_core.origin import wasm_of
from aos_core.progress import Progress
from aos_core.reading import Reader
from aos_core.replay import Divergence, Replayed, Report, compare_with, replay
from aos_core.travel import Travel
from aos_core.wasm.runtime import Runtime


class Prover(Reader):
    """A world on one branch, to be looked at and proven. What is proven is read anew, beside those
    who look."""

    def verify(self, *, with_disk: bool = False, progress: Progress | None = None) -> Report:
        """Run the journal again, as it lies on the disk now, and compare every record and root.

        ``with_disk``: with the definitions and modules on disk instead of those it names.
        ``progress`` is called after every frame; what it raises breaks this off. Raises
        :class:`JournalDamaged`, :class:`StoreDamaged`, and what loading the files raises.
        """
        begun = time.perf_counter()
        with self.read_anew() as travel:
            divergence = self._first_divergence(travel, with_disk, progress)
            count = travel.chain.count
        return self.report(divergence, count, time.perf_counter() - begun)

    def report(
        self, divergence: Divergence | None, count: int, seconds: float, skipped: int | None = None
    ) -> Report:
        """What verification of the first ``count`` frames found; ``skipped``: the height up to
        which it was verified before."""
        count = min(count, self._chain.count)
        last = self._chain.frame(count - 1)
        return Report(
            ok=divergence is None,
            frames=count,
            records=last.last_height + 1,
            root=last.root,
            head=last.hash,
            seconds=seconds,
            divergence=divergence,
            skipped=skipped,
        )

    @contextlib.contextmanager
    def read_anew(self) -> Iterator[Travel]:
        """The branch as it lies on the disk now, nothing of it remembered: up to the last frame
        that is known here, or the first one that does not come out the same. Raises
        :class:`JournalDamaged` where that is known already, :class:`JournalMissing` where its file
        is gone, whatever has its name now."""
        if self._journal.damage is not None:
            raise self._journal.damage
        self.follow_names()  # another journal may have the name by now
        if self.gone:
            text = f"there is no branch {self.branch}: its file was deleted or moved"
            raise JournalMissing(text, hint="what was read of it is still held here", file=self.log)
        with self._mutex:  # not in the middle of a group of another thread
            end = self._chain.count - (self._diverged is None)
        with contextlib.ExitStack() as leaving:
            journal = self._disk.open(self.branch, write=False)
            if not self.in_memory:
                leaving.callback(journal.close)
            if journal.damage is not None:
                raise journal.damage
            chain = chain_of(self._disk, self.branch, journal)
            if not self.in_memory:
                leaving.callback(chain.close)
            if chain.count <= end:
                raise JournalDamaged(
                    f"branch {self.branch} is damaged: it has become shorter since it was opened",
                    offset=chain.last.end,
                    height=chain.height + 1,
                )
            try:
                yield self._travel_on(Chain(chain.until(end)))
            finally:
                for mine, theirs in zip(self._whole.segments, chain.segments, strict=False):
                    mine.journal.believe(theirs.journal.damage)

    def _first_divergence(
        self, travel: Travel, with_disk: bool, progress: Progress | None
    ) -> Divergence | None:
        end = travel.chain.count - 1

        def done(index: int) -> None:
            if progress is not None:
                progress(index + 1, end + 1)

        try:
            if with_disk:
                return self._compare_with_files(_told(self._replayed(travel.chain.frames), done))
            travel.prove(-1, end, done)
        except Diverged as error:
            found: Divergence = error.divergence
            return found
        return None

    def _replayed(self, frames: Frames) -> Iterator[Replayed]:
        return replay(frames, self.program_of, self._modules)

    def _compare_with_files(self, replayed: Iterator[Replayed]) -> Divergence | None:
        program, modules = self._beside_disk(WorldFiles.read(self.files.root))
        return compare_with(replayed, program, self.program_of, modules)

    def _beside_disk(self, files: WorldFiles) -> tuple[Program, WorldModules]:
        """The program of the files on disk, and what runs its modules."""
        wasm = {canon.sha256(of): of for _, of in wasm_of(files, files.catalog)}
        program = compile_program(files.catalog)
        runtime = Runtime(wasm.__getitem__, code_folder(self._disk), fast=self._runtime.wants_fast)
        return program, WorldModules(
            runtime, lambda hash: module_name(program, hash) or canon.hash_text(hash)
        )


def _told(replayed: Iterator[Replayed], done: Callable[[int], None]) -> Iterator[Replayed]:
    for index, made in enumerate(replayed):
        yield made
        done(index)
