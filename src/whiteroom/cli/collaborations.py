"""`whiteroom collaborations`: the operator stops all work of one, and lets it go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer

from whiteroom.administration.collaborations import resume_work, stop_work
from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.output import note, say, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.domain.resources.collaborations import Collaboration
from whiteroom.ports.transaction import Transaction
from whiteroom.store.transaction import StoreTransaction

app = typer.Typer(rich_markup_mode="markdown")

CollaborationId = Annotated[str, typer.Argument(help="The collaboration's identifier.", show_default=False)]


@app.command("list")
def list_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the collaborations, and which of them are stopped.

    Example: `whiteroom collaborations list --json`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store, store.reading() as tx:
        found = tx.collaborations.all()
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "creatorAccountId": one.creator_account_id,
            "status": one.status.value,
            "stoppedTime": None if one.stopped_at is None else one.stopped_at.isoformat(),
        }
        for one in found
    ]
    if as_json:
        say_json(rows)
    elif not rows:
        note("There are no collaborations.")
    else:
        cells = [(r["id"], r["name"], r["creatorAccountId"], r["status"], r["stoppedTime"] or "-") for r in rows]
        say_table(("ID", "NAME", "CREATOR", "STATUS", "STOPPED"), cells)


@app.command()
def stop(collaboration: CollaborationId, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Stop all work of a collaboration: queries, channels, trainings, inference jobs and exports, of every member.

    What waits or runs ends within seconds (`StoppedByOperator`) and delivers nothing; none can be started until
    `resume`. What members keep, their rules and what was made before stay as they are.

    Example: `whiteroom collaborations stop 3f0c8a52-0f6c-4d53-9f3a-0b6a6a3f1c77`
    """
    _set(collaboration, stop_work, data, as_json=as_json)


@app.command()
def resume(collaboration: CollaborationId, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Let work be done in a collaboration again. What was ended stays ended.

    Example: `whiteroom collaborations resume 3f0c8a52-0f6c-4d53-9f3a-0b6a6a3f1c77`
    """
    _set(collaboration, resume_work, data, as_json=as_json)


def _set(
    collaboration_id: str,
    act: Callable[[Transaction, Collaboration, datetime], Collaboration],
    data: Data,
    *,
    as_json: bool,
) -> None:
    settings = existing_folder(data)
    with opened_store(settings) as store:
        with store.transaction() as tx:
            collaboration = act(tx, _found(tx, collaboration_id), utc_now())
        store.make_all_due(utc_now())
    if as_json:
        since = None if collaboration.stopped_at is None else collaboration.stopped_at.isoformat()
        say_json({"id": collaboration.id, "name": collaboration.name, "stoppedTime": since})
    elif collaboration.stopped_at is None:
        say(f"Work may be done in the collaboration {collaboration.name}.")
    else:
        say(
            f"No work is done in the collaboration {collaboration.name} since "
            f"{collaboration.stopped_at:%Y-%m-%d %H:%M:%S} UTC; what runs ends within seconds."
        )


def _found(tx: StoreTransaction, collaboration_id: str) -> Collaboration:
    collaboration = tx.collaborations.get(collaboration_id.rsplit("/", 1)[-1])
    if collaboration is None:
        raise Problem(
            f"There is no collaboration {collaboration_id}. `whiteroom collaborations list` shows those that are."
        )
    return collaboration
