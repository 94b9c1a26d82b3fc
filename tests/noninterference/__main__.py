"""`make fuzz`: a long campaign, told as it goes and at its end."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from noninterference.listed import listed
from noninterference.report import LEAST, Report
from noninterference.shards import shards

_IN_MEMORY = Path("/dev/shm")
"""Thousands of small files are written and removed."""


def main() -> int:
    """Run it; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes; one a core")
    parser.add_argument("--every", type=int, default=2_000, help="tell how it goes after so many")
    asked = parser.parse_args()
    started, told = time.monotonic(), 0
    with (
        tempfile.TemporaryDirectory(
            prefix="whiteroom-fuzz-", dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None
        ) as folder,
        shards(Path(folder), asked.seed, asked.queries, max(1, min(asked.jobs, asked.queries))) as campaign,
    ):
        try:
            for _ in campaign.progress():
                queries = campaign.report.queries
                if queries // asked.every > told:
                    told = queries // asked.every
                    _say(_so_far(campaign.report, time.monotonic() - started))
        except KeyboardInterrupt:
            # Once is enough: what was done until then is told.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _say(f"\ninterrupted after {time.monotonic() - started:,.0f} s")
    _say(f"\nseeds, one a process: {', '.join(map(str, campaign.seeds))}")
    return tell(campaign.report)


def _so_far(report: Report, seconds: float) -> str:
    return (
        f"{report.queries:,} tried, {report.passed:,} let through, {len(report.leaks)} leaks, "
        f"{len(report.disagreements)} refused by the second judge alone, {report.faults.total()} raised; "
        f"{seconds:,.0f} s"
    )


def tell(report: Report) -> int:
    """The shares let through, per rule and per construct, and what was found."""
    share = report.passed / max(1, report.queries)
    _say(f"seed {report.seed}: {report.queries:,} queries, {share:.0%} let through; {report.seconds:,.0f} s")
    for rule, tally in report.tallies.items():
        kinds = ", ".join(f"({letter}) {count:,}" for letter, count in sorted(tally.held.items()))
        failing = ", ".join(f"({letter}) {count:,}" for letter, count in sorted(tally.failing.items()))
        _say(f"  {rule:12} {tally.tried:7,} tried {tally.passed / tally.tried:5.0%} let through {tally.ran:7,} ran; "
             f"twins: {kinds}{'; told by failing: ' + failing if failing else ''}")  # fmt: skip
    _say("\nlet through of tried, by construct:")
    names = listed()
    for name in names:
        _say(f"  {name:32} {report.hunger.passed[name]:7,} of {report.hunger.tried[name]:7,}")
    scarce = report.scarce(names)
    if scarce:
        _say(f"\ntried fewer than {LEAST} times: {', '.join(scarce)}")
    for leak in report.leaks:
        _say(f"\nLEAK {leak}")
    for fault, count in report.faults.most_common():
        _say(f"\nRAISED {count} times: {fault}")
    for rule, sql in report.slow:
        _say(f"\nTOO SLOW [{rule}] {sql}")
    for rule, sql, found in report.disagreements:
        _say(f"\nREFUSED BY THE SECOND JUDGE ALONE [{rule}] {found}\n    {sql}")
    return 1 if report.leaks or report.faults or scarce else 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
