"""`whiteroom metrics`: what a training or an inference job measured and took of the machine, for the operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from whiteroom.cli.folder import DEFAULT_DATA, Data, existing_folder, opened_store
from whiteroom.cli.logs import find_run
from whiteroom.cli.output import note, say_json_line, say_table
from whiteroom.domain.metrics import MetricPoint, MetricSeries, note_of
from whiteroom.ports import Transaction

_PAGE = 1_000


def metrics(
    arn: Annotated[str, typer.Argument(help="The ARN of a trained model or an inference job.", show_default=False)],
    version: Annotated[
        str | None,
        typer.Option(
            help="Of this version of the model, `base` for the first; without it, of the latest.", show_default=False
        ),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document for each series, with all its points, for scripts.")
    ] = False,
) -> None:
    """Show the metrics of a training or an inference job: one line for each series, by name and host.

    Custom metrics are what the algorithm's metricDefinitions find in the log, system metrics what the instances take
    of the machine, in percent. A job that runs is read every few seconds. This is the operator's view: without noise.

    Example: `whiteroom metrics arn:aws:cleanrooms-ml:us-east-1:111122223333:membership/.../trained-model/...`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store:
        found = find_run(store, arn, version)
        with store.reading() as tx:
            series = tx.metrics.series(found.record.id)
            reading = tx.metrics.reading(found.run_id)
            if as_json:
                for one in series:
                    say_json_line({**asdict(one), "points": [asdict(point) for point in _points(tx, one)]})
    if series and not as_json:
        columns = ("METRIC", "KIND", "HOST", "VALUES", "MIN", "MAX", "LAST", "AT (UTC)")
        say_table(columns, map(_row, series))
    if not series:
        note(f"There are no metrics. The status is {found.record.status.value}.")
    if reading is not None and (told := note_of(reading)):
        note(told)


def _points(tx: Transaction, series: MetricSeries) -> Iterator[MetricPoint]:
    last: MetricPoint | None = None
    while page := tx.metrics.points(series, _PAGE, after=last):
        yield from page
        last = page[-1]


def _row(series: MetricSeries) -> tuple[object, ...]:
    at = datetime.fromtimestamp(series.last_at_ms / 1000, UTC)
    numbers = (f"{value:.6g}" for value in (series.minimum, series.maximum, series.last_value))
    return (series.name, series.kind.value, series.host, f"{series.count:,}", *numbers, f"{at:%Y-%m-%d %H:%M:%S}")
