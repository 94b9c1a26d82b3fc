"""`whiteroom metrics`: what a training or an inference job measured and took of the machine, in tables and plots."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from whiteroom.cli.completion import account_ids
from whiteroom.cli.folder import DEFAULT_DATA, Data, existing_folder, opened_store
from whiteroom.cli.logs import find_run
from whiteroom.cli.output import note, say, say_json_line, say_table
from whiteroom.cli.plots import text_plot, write_png
from whiteroom.domain.observability.metric_views import SeriesView
from whiteroom.domain.observability.metrics import MetricPoint, MetricSeries, note_of
from whiteroom.operations.monitoring.metric_reading import MetricReader
from whiteroom.sealed_store import noise_secret
from whiteroom.settings import Settings
from whiteroom.store.sqlite import SqliteStore

Shown = tuple[MetricSeries, Sequence[MetricPoint]]


def metrics(
    arn: Annotated[str, typer.Argument(help="The ARN of a trained model or an inference job.", show_default=False)],
    version: Annotated[
        str | None,
        typer.Option(
            help="Of this version of the model, `base` for the first; without it, of the latest.", show_default=False
        ),
    ] = None,
    as_account: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="ACCOUNT",
            help="Show what this member sees of it.",
            show_default=False,
            autocompletion=account_ids,
        ),
    ] = None,
    plot: Annotated[
        bool | None,
        typer.Option("--plot/--no-plot", help="Plot each series below the table; a terminal gets it by default."),
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help="Write a picture of all series to this file.", show_default=False)
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document for each series, with all its points, for scripts.")
    ] = False,
) -> None:
    """Show the metrics of a training or an inference job: one line for each series, by name and host, and a plot.

    Custom metrics are what the algorithm's metricDefinitions find in the log, system metrics what the instances take
    of the machine, in percent. A job that runs is read every few seconds. This is the operator's view: without noise.
    With `--as` it is a member's, as CloudWatch answers it. Pictures take matplotlib, which is not installed with
    Whiteroom: `pip install matplotlib`.

    Example: `whiteroom metrics arn:aws:cleanrooms-ml:us-east-1:111122223333:membership/.../trained-model/...`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store:
        found = find_run(store, arn, version)
        shown, remark = _shown(settings, store, found, as_account)
    if as_json:
        for series, points in shown:
            say_json_line({**asdict(series), "points": [asdict(point) for point in points]})
    elif shown:
        columns = ("METRIC", "KIND", "HOST", "VALUES", "MIN", "MAX", "LAST", "AT (UTC)")
        say_table(columns, (_row(series) for series, _ in shown))
        if sys.stdout.isatty() if plot is None else plot:
            for series, points in shown:
                say("\n".join(["", f"{series.name} ({series.kind.value}, {series.host})", *text_plot(points)]))
    if png is not None and shown:
        write_png(png, shown)
        note(f"The picture is in {png}.")
    if not shown:
        note(f"There are no metrics. The status is {found.record.status.value}.")
    if remark:
        note(remark)


def _shown(
    settings: Settings, store: SqliteStore, found: Any, as_account: str | None
) -> tuple[Sequence[Shown], str | None]:
    """Every series that is to be shown, with its points, and what is to be said of the rest."""
    with store.reading() as tx:
        if as_account is not None:
            reader = MetricReader(tx, as_account, noise_secret(settings, store))
            return [reader.shown(view) for view in reader.views(found.record)], reader.note(found.record)
        reader = MetricReader(tx, "", b"")
        reading = tx.metrics.reading(found.run_id)
        series = [SeriesView(one, None) for one in tx.metrics.series(found.record.id)]
        return [reader.shown(view) for view in series], None if reading is None else note_of(reading)


def _row(series: MetricSeries) -> tuple[object, ...]:
    at = datetime.fromtimestamp(series.last_at_ms / 1000, UTC)
    numbers = (f"{value:.6g}" for value in (series.minimum, series.maximum, series.last_value))
    return (series.name, series.kind.value, series.host, f"{series.count:,}", *numbers, f"{at:%Y-%m-%d %H:%M:%S}")
