"""`whiteroom usage`: what each payer's work took of the machine, and what was kept for it: a consortium's bill."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Annotated

import typer

from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.output import note, plain, say, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.domain.resources.usage import BillLine, bill

COLUMNS = ("payer", "collaboration", "resource", "kind", "cpu_seconds", "memory_gb_hours", "stored_gb_hours")


def usage(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, UTC.", show_default=False),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="The last day, UTC, included.", show_default=False),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for a bill.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show what was used, by payer, collaboration, resource and kind.

    CPU-seconds and GB-hours of memory of queries, synthetic rows, trainings and inference jobs; GB-hours of what was
    kept. A GB is 10^9 bytes. Without days it is everything until now. `docs/operating.md` says what is measured how.

    A terminal is shown a resource by the end of its ARN, and numbers rounded; `--csv` and `--json` have all of both.

    Example: `whiteroom usage --from 2030-01-01 --to 2030-01-31 --csv --data /srv/whiteroom`
    """
    if first is not None and last is not None and last < first:
        raise Problem(f"--to {last:%Y-%m-%d} is before --from {first:%Y-%m-%d}.")
    settings = existing_folder(data)
    with opened_store(settings) as store, store.reading() as tx:
        entries, holdings = tx.usage.all(), tx.holdings.all()
    lines = bill(entries, holdings, first and first.date(), last and last.date(), utc_now())
    if as_json:
        say_json([asdict(line) for line in lines])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_row(line) for line in lines)
    else:
        _say(lines)


def _say(lines: Sequence[BillLine]) -> None:
    """For a terminal: by payer and collaboration, resources by their names in the ARN, and numbers that are rounded."""
    if not lines:
        note("Nothing was used.")
    for (payer, collaboration), of_them in groupby(lines, lambda line: (line.payer_account_id, line.collaboration_id)):
        say(f"Payer {payer}, collaboration {collaboration}")
        say_table(
            ("KIND", "RESOURCE", "CPU-S", "MEMORY GB-H", "STORED GB-H"),
            (
                (
                    *(line.kind, line.resource.rpartition("/")[2]),
                    *(f"{n:.3f}" for n in (line.cpu_seconds, line.memory_gb_hours, line.stored_gb_hours)),
                )
                for line in of_them
            ),
        )


def _row(line: BillLine) -> tuple[str, ...]:
    texts = (line.payer_account_id, line.collaboration_id, line.resource, line.kind)
    numbers = (line.cpu_seconds, line.memory_gb_hours, line.stored_gb_hours)
    return (*map(plain, texts), f"{numbers[0]:.3f}", *(f"{number:.12f}" for number in numbers[1:]))
