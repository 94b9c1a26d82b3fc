"""`whiteroom logs`: all that a training or an inference job wrote, for the operator."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from whiteroom.app import open_finder, open_run_logs, open_runtime
from whiteroom.base.articles import with_article
from whiteroom.cli.completion import account_ids
from whiteroom.cli.explain import kind_name, parsed, version_name
from whiteroom.cli.folder import DEFAULT_DATA, Data, existing_folder, opened_store
from whiteroom.cli.output import note, say, say_json_line
from whiteroom.cli.problems import Problem
from whiteroom.controllers.trained_model_inference_jobs import INFERENCES
from whiteroom.controllers.trained_models import TRAININGS
from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.execution.runs import LogLine, RunId
from whiteroom.domain.privacy.redaction import Finder
from whiteroom.domain.resources.trained_model_inference_jobs import LIFECYCLE as INFERENCE_LIFECYCLE
from whiteroom.domain.resources.trained_models import BASE_VERSION, TrainedModel
from whiteroom.domain.resources.trained_models import LIFECYCLE as TRAINING_LIFECYCLE
from whiteroom.operations.log_reading import Reader
from whiteroom.ports.run_logs import RunLogs
from whiteroom.ports.runtime import Runtime
from whiteroom.ports.store import Store
from whiteroom.ports.transaction import Transaction

LOOK_SECONDS = 0.5
"""How often `--follow` looks for more."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A run of which something is wanted, and how far it has come."""

    run_id: RunId
    lifecycle: Lifecycle[Any]
    record: Any

    @property
    def over(self) -> bool:
        """Whether the run writes no more."""
        return self.lifecycle.at_rest(self.record.status)


@dataclass(frozen=True, slots=True)
class _As:
    """The member whose view it is, and what it takes to have it."""

    account_id: str
    logs: RunLogs
    finder: Finder

    def reader(self, tx: Transaction) -> Reader:
        """The member, in a transaction."""
        return Reader(tx, self.account_id, self.logs, self.finder)


def logs(
    arn: Annotated[str, typer.Argument(help="The ARN of a trained model or an inference job.", show_default=False)],
    version: Annotated[
        str | None,
        typer.Option(
            help="Of this version of the model, `base` for the first; without it, of the latest.", show_default=False
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    as_account: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="ACCOUNT",
            help="Show what this member reads of it.",
            show_default=False,
            autocompletion=account_ids,
        ),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document for each line, for scripts.")
    ] = False,
) -> None:
    """Show what a training or an inference job wrote, and what the platform noted beside it.

    This is the operator's view: nothing is filtered or redacted. Lines of the stream `platform` are Whiteroom's.
    With `--as` it is a member's: what the log policies let that account read, as CloudWatch Logs answers it.

    Example: `whiteroom logs --follow arn:aws:cleanrooms-ml:us-east-1:111122223333:membership/.../trained-model/...`
    """
    settings = existing_folder(data)
    runtime = open_runtime(settings)
    reading = None if as_account is None else _As(as_account, open_run_logs(settings), open_finder(settings))
    with opened_store(settings) as store:
        logged = find_run(store, arn, version)
        shown = 0
        for line in (
            _lines(store, runtime, logged, arn, version, follow=follow)
            if reading is None
            else _member_lines(store, reading, logged, arn, version, follow=follow)
        ):
            shown += 1
            if as_json:
                say_json_line(asdict(line))
            else:
                say(_text(line))
        if not shown:
            note(_silence(logged) if reading is None else _member_silence(store, reading, logged))


def _lines(
    store: Store, runtime: Runtime, logged: Logged, arn: str, version: str | None, *, follow: bool
) -> Iterator[LogLine]:
    """The log from its first line; with `follow`, until the run is over and all of it has been shown."""
    shown = 0
    while True:
        over = logged.over or not follow  # asked before the lines are read: what comes between is shown too
        for line in runtime.logs(logged.run_id, shown):
            shown += 1
            yield line
        if over:
            return
        time.sleep(LOOK_SECONDS)
        logged = find_run(store, arn, version)


def _member_lines(
    store: Store, reading: _As, logged: Logged, arn: str, version: str | None, *, follow: bool
) -> Iterator[LogLine]:
    """As `_lines`, of what a member reads; by the same functions as the operations of CloudWatch Logs."""
    place = 0
    while True:
        over = logged.over or not follow
        with store.reading() as tx:
            reader = reading.reader(tx)
            run = reader.run(logged.record)
        if run is not None:
            summary = reader.summary_of(run)
            for placed in reader.forward(run, place):
                place = placed.end
                text = reader.redacted_line(run, placed, summary)
                if text is not None:
                    yield replace(placed.line, text=text)
        if over:
            return
        time.sleep(LOOK_SECONDS)
        logged = find_run(store, arn, version)


def _member_silence(store: Store, reading: _As, logged: Logged) -> str:
    """Why a member reads nothing."""
    with store.reading() as tx:
        publication = reading.reader(tx).publication(logged.record)
    return publication.details or _silence(logged)


def find_run(store: Store, arn: str, version: str | None) -> Logged:
    """The run of a version of a trained model, or of an inference job.

    Raises:
        Problem: there is none, or the ARN names something that runs no program.
    """
    place = parsed(arn)
    with store.reading() as tx:
        if place.kind == "trained-model":
            model = trained_model(tx, arn, version)
            return Logged(TRAININGS.run_id(model.id), TRAINING_LIFECYCLE, model)
        if version is not None:
            raise Problem("Only a trained model has versions: leave --version out.")
        if place.kind != "trained-model-inference-job":
            raise Problem(
                f"{arn} is {with_article(kind_name(place))}, which runs no program. Logs and metrics are kept of "
                "trained models and inference jobs; `whiteroom explain` tells what happened to anything else."
            )
        job = tx.trained_model_inference_jobs.find(arn=arn)
    if job is None:
        raise Problem(f"There is no inference job {arn} here. Check --data.")
    return Logged(INFERENCES.run_id(job.id), INFERENCE_LIFECYCLE, job)


def trained_model(tx: Transaction, arn: str, version: str | None) -> TrainedModel:
    """The version of a trained model that an operator names: `base` or an identifier; the latest for None.

    Raises:
        Problem: there is none.
    """
    models = tx.trained_models.all(arn=arn)
    wanted = BASE_VERSION if version == "base" else version
    for model in models:
        if model.version_identifier == wanted or (wanted is None and model.is_latest):
            return model
    if not models:
        raise Problem(f"There is no trained model {arn} here. Check --data.")
    raise Problem(f"The model has no version {version}. It has {', '.join(map(version_name, models))}.")


def _text(line: LogLine) -> str:
    moment = datetime.fromtimestamp(line.at_ms / 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{line.at_ms % 1000:03} {line.host} {line.stream}: {line.text}"


def _silence(logged: Logged) -> str:
    """Why there is no log."""
    status = logged.record.status.value
    if logged.record.status_message:
        return f"Nothing was written. The status is {status}: {logged.record.status_message}"
    return f"Nothing was written so far. The status is {status}."
