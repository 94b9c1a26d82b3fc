"""One campaign in several processes: the queries and the seeds are shared out, the reports put together.

The processes leave Ctrl-C to the one that started them: it has each one's last report, and ends them all at once.
"""

from __future__ import annotations

import logging
import multiprocessing
import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from noninterference.campaign import Campaign
from noninterference.report import Report

STEP = 25
"""Queries between two reports of a process."""
_SPAWN = multiprocessing.get_context("spawn")


def seeds(seed: int, processes: int) -> list[int]:
    """Of each process; of the first the campaign's own, so that one process alone tries what it always tried."""
    return [seed, *(random.Random(f"{seed} {number}").randrange(2**31) for number in range(1, processes))]


class Shards:
    """The processes, and what each has told last."""

    def __init__(self, folder: Path, seed: int, queries: int, processes: int) -> None:
        """Start them.

        Args:
            folder: for their tables and results.
            seed: of the campaign.
            queries: of all processes together.
            processes: how many.
        """
        self.seeds = seeds(seed, processes)
        self._reports = [Report(each) for each in self.seeds]
        self._shares = [queries // processes + (number < queries % processes) for number in range(processes)]
        self._running: dict[Connection, tuple[int, BaseProcess]] = {}
        for number, own in enumerate(self.seeds):
            receiver, sender = _SPAWN.Pipe(duplex=False)
            arguments = (sender, folder / str(number), own, self._shares[number])
            process = _SPAWN.Process(target=_work, args=arguments, daemon=True)
            process.start()
            sender.close()
            self._running[receiver] = number, process

    @property
    def report(self) -> Report:
        """Of all of them, as far as they are."""
        return merged(self._reports)

    def progress(self) -> Iterator[None]:
        """Yields whenever one of them has told how far it is, until all have ended."""
        while self._running:
            for ready in wait(list(self._running)):
                assert isinstance(ready, Connection)
                self._hear(ready)
            yield

    def stop(self) -> None:
        """End those that still run, at once."""
        for _, process in self._running.values():
            process.kill()
        for _, process in self._running.values():
            process.join()

    def _hear(self, ready: Connection) -> None:
        number, process = self._running[ready]
        try:
            self._reports[number] = ready.recv()
        except EOFError:
            process.join()
            tried, share = self._reports[number].queries, self._shares[number]
            if process.exitcode or tried < share:
                said = f"the process with seed {self.seeds[number]} ended with code {process.exitcode}"
                self._reports[number].faults[f"{said} after {tried:,} of {share:,} queries"] += 1
            del self._running[ready]


def _work(sender: Connection, folder: Path, seed: int, queries: int) -> None:
    """What one process does."""
    logging.disable(logging.WARNING)
    campaign = Campaign(folder, seed)
    # Whoever listens may be gone.
    with suppress(BrokenPipeError):
        while campaign.report.queries < queries:
            campaign.run(min(STEP, queries - campaign.report.queries))
            sender.send(campaign.report)
    campaign.close()


@contextmanager
def shards(folder: Path, seed: int, queries: int, processes: int) -> Iterator[Shards]:
    """Processes that are gone when this is left, however."""
    # What is held back here stays so in the processes; here it comes when they are there.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    found = Shards(folder, seed, queries, processes)
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        yield found
    finally:
        found.stop()


def merged(reports: Sequence[Report]) -> Report:
    """One report of several."""
    whole = Report(reports[0].seed)
    for report in reports:
        for rule, tally in report.tallies.items():
            own = whole.tally(rule)
            own.tried += tally.tried
            own.passed += tally.passed
            own.ran += tally.ran
            own.held += tally.held
            own.failing += tally.failing
            own.refusals += tally.refusals
        whole.hunger.tried += report.hunger.tried
        whole.hunger.passed += report.hunger.passed
        whole.leaks += report.leaks
        whole.faults += report.faults
        whole.disagreements += report.disagreements
        whole.slow += report.slow
        whole.seconds = max(whole.seconds, report.seconds)
    return whole
