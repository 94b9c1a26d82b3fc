"""`whiteroom results`: what was delivered to members, and copying it out for them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from whiteroom.app import open_data
from whiteroom.cli.completion import account_ids
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.output import note, say, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.cli.progress import Advance, progress
from whiteroom.domain.execution.deliveries import DeliveredFile
from whiteroom.domain.resources.results import Result, ResultStatus, fetchable, file_in, files_of
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.deliveries import Deliveries, DeliveryGone
from whiteroom.ports.transaction import Transaction

app = typer.Typer(rich_markup_mode="markdown")

_PAGE = 1_000
_PIECE = 1 << 20


@app.command("list")
def list_(
    account: Annotated[
        str | None,
        typer.Option(help="Only what was delivered to this account.", show_default=False, autocompletion=account_ids),
    ] = None,
    collaboration: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what this collaboration gave.", show_default=False)
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List what was delivered: to whom, of which job, where it is, how much and when; the newest first.

    Members fetch what is theirs over HTTP (docs/results.md); `get` copies it out for those who do not.

    Example: `whiteroom results list --account 111122223333 --json`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store, store.reading() as tx:
        found = [
            one
            for one in _delivered(tx)
            if account in (None, one.account_id) and collaboration in (None, one.collaboration_id)
        ]
    if as_json:
        say_json([_document(one) for one in found])
    elif not found:
        note("Nothing has been delivered.")
    else:
        columns = ("ID", "ACCOUNT", "COLLABORATION", "KIND", "JOB", "LOCATION", "FILES", "BYTES", "DELIVERED")
        say_table(columns, map(_cells, found))


@app.command()
def get(
    result: Annotated[str, typer.Argument(help="The result's identifier, as `list` shows it.", show_default=False)],
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder that is not there yet, or is empty.", show_default=False)
    ],
    file: Annotated[str | None, typer.Argument(help="One file of it; all without it.", show_default=False)] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Copy a result out of the data folder: all of it or nothing, as it was delivered.

    Every file is compared with what was written down of it when it was delivered (its length and SHA-256).

    Example: `whiteroom results get 3f0c8a52-0f6c-4d53-9f3a-0b6a6a3f1c77 --to for-the-hospital`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store, store.reading() as tx:
        found = tx.results.get(result)
        delivered = fetchable(found, result, "" if found is None else found.account_id)
    if found is None:
        raise Problem(f"There is no result {result}. `whiteroom results list` shows those that are.")
    if isinstance(delivered, Denied):
        raise Problem(delivered.reason)
    wanted = files_of(delivered) if file is None else (_named(delivered, file),)
    here = open_data(settings).here
    in_buckets = settings.buckets == "s3" or settings.s3_port is not None
    # What was delivered before results went to buckets is in folders still.
    if in_buckets and not all(_lies_in(here, delivered, one) for one in wanted):
        raise Problem(f"It lies in the receiver's own bucket, at {delivered.place}/: it is fetched there (docs/s3.md).")
    _copy_whole(here, delivered, wanted, to)
    copies = [str(to / one.name) for one in wanted]
    if as_json:
        say_json({**_document(delivered), "copies": copies})
        return
    say(f"It is account {delivered.account_id}'s.")
    for copy in copies:
        say(f"Copied to {copy}")


def _delivered(tx: Transaction) -> Iterator[Result]:
    after = None
    while True:
        page = tx.results.page(_PAGE, after, status=ResultStatus.DELIVERED)
        yield from page.items
        if (after := page.next) is None:
            return


def _named(result: Result, name: str) -> DeliveredFile:
    found = file_in(result, name)
    if isinstance(found, Denied):
        raise Problem(found.reason)
    return found


def _lies_in(deliveries: Deliveries, result: Result, file: DeliveredFile) -> bool:
    try:
        deliveries.open_delivered(result.location, result.path, file).close()
    except DeliveryGone:
        return False
    return True


def _copy_whole(deliveries: Deliveries, result: Result, files: Sequence[DeliveredFile], target: Path) -> None:
    """Gather copies beside the folder, then put them there by one rename.

    Raises:
        Problem: the folder cannot be had, or a file is not what was delivered; nothing is copied.
    """
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise Problem(f"{target} is there already. Name a folder with --to that is not, or an empty one.")
    target.parent.mkdir(parents=True, exist_ok=True)
    gathered = Path(tempfile.mkdtemp(prefix=".whiteroom-results-", dir=target.parent))
    try:
        with progress("Copying", sum(file.size_bytes for file in files), in_bytes=True) as advance:
            for file in files:
                _copy(deliveries, result, file, gathered / file.name, advance)
        gathered.chmod(0o755)
        gathered.rename(target)
    except BaseException:
        shutil.rmtree(gathered, ignore_errors=True)
        raise


def _copy(deliveries: Deliveries, result: Result, file: DeliveredFile, target: Path, advance: Advance) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        source = deliveries.open_delivered(result.location, result.path, file)
        try:
            with target.open("xb") as out:
                while piece := source.read(_PIECE):
                    digest.update(piece)
                    out.write(piece)
                    advance(len(piece))
                out.flush()
                os.fsync(out.fileno())
        finally:
            source.close()
    except DeliveryGone:
        raise Problem(
            f"{file.name} is not at {result.place} as it was delivered: it went to a bucket of S3, or was removed, "
            "replaced or cut short. Nothing was copied."
        ) from None
    if digest.hexdigest() != file.sha256:
        raise Problem(
            f"{file.name} at {result.place} is not what was delivered: its SHA-256 is {digest.hexdigest()}, and was "
            f"{file.sha256}. Nothing was copied."
        )


def _cells(one: Result) -> tuple[object, ...]:
    return (
        *(one.id, one.account_id, one.collaboration_id, one.kind.value, one.job_name, f"{one.place}/"),
        *(len(one.files), f"{one.size_bytes:,}"),
        f"{one.delivered_at:%Y-%m-%d %H:%M:%S}" if one.delivered_at else "-",
    )


def _document(one: Result) -> dict[str, Any]:
    return {
        "id": one.id,
        "accountId": one.account_id,
        "collaborationId": one.collaboration_id,
        "kind": one.kind.value,
        "job": one.job_name,
        "askedBy": one.asked_by,
        "location": f"{one.place}/",
        "files": list(one.files),
        "sizeBytes": one.size_bytes,
        "deliveredTime": None if one.delivered_at is None else one.delivered_at.isoformat(),
    }
