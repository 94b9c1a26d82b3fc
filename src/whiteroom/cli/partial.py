"""`whiteroom partial`: what a training saved that ran too long, for the operator to hand to the model's owner."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from whiteroom.app import open_data
from whiteroom.cli.explain import parsed
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.logs import trained_model
from whiteroom.cli.output import say, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.cli.progress import progress
from whiteroom.data.s3.places import ServerData
from whiteroom.domain.resources.trained_models import TrainedModel, partial_archives
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.data import Archive
from whiteroom.reads.current_rules import CurrentRules


def partial(
    arn: Annotated[str, typer.Argument(help="The ARN of a trained model.", show_default=False)],
    version: Annotated[
        str | None,
        typer.Option(
            help="Of this version of the model, `base` for the first; without it, of the latest.", show_default=False
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Copy the archives to this folder.", show_default=False),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show what a training saved that ran longer than it may, and fetch it for the model's owner.

    AWS's API has no place for it: such a training is `CREATE_FAILED`, and nothing of it is exported, served or
    trained on. It is the owner's all the same; `DeleteTrainedModelOutput` erases it.

    Example: `whiteroom partial --to . arn:aws:cleanrooms-ml:us-east-1:111122223333:membership/.../trained-model/...`
    """
    settings = existing_folder(data)
    if parsed(arn).kind != "trained-model":
        raise Problem(f"{arn} is no trained model, and nothing else leaves anything partial.")
    with opened_store(settings) as store, store.reading() as tx:
        model = trained_model(tx, arn, version)
        verdict = CurrentRules(tx).model(model)
    if isinstance(verdict, Denied):
        raise Problem(verdict.reason)
    kept_data = open_data(settings)
    kept = [found for ref in partial_archives(model.id) if (found := kept_data.archive(ref)) is not None]
    if model.partial_bytes is None or not kept:
        raise Problem(_nothing(model))
    with progress("Copying"):
        copies = [] if to is None else [_copied(kept_data, one, to) for one in kept]
    if as_json:
        say_json({"account": model.account_id, "archives": [_document(one) for one in kept], "copies": copies})
        return
    say_table(
        ("ARCHIVE", "BYTES", "BYTES OF FILES"),
        [(_name(one), f"{one.size_bytes:,}", f"{one.content_bytes:,}") for one in kept],
    )
    say(f"It is account {model.account_id}'s, who trained {model.name}.")
    for copy in copies:
        say(f"Copied to {copy}")


def _copied(data: ServerData, kept: Archive, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / _name(kept)
    if target.exists():
        raise Problem(f"{target} exists. Name another folder with --to.")
    data.bring(kept.ref)
    shutil.copyfile(data.path(kept.ref), target)
    return str(target)


def _name(kept: Archive) -> str:
    return kept.ref.part.rsplit("/", 1)[-1]


def _document(kept: Archive) -> dict[str, Any]:
    return {"name": _name(kept), "bytes": kept.size_bytes, "bytesOfFiles": kept.content_bytes}


def _nothing(model: TrainedModel) -> str:
    # Where something was kept and is erased now, the failure's own words still say that it is kept.
    message = model.status_message if model.partial_bytes is None else None
    details = f": {message}" if message else "."
    return f"Nothing partial is kept of this version. Its status is {model.status.value}{details}"
