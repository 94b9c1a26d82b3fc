"""`whiteroom explain`: the audit trail of one resource, and what the members of a collaboration have to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer

from whiteroom.base.arns import Arn, parse_arn
from whiteroom.base.articles import with_article
from whiteroom.base.clock import utc_now
from whiteroom.cli.completion import account_ids
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.output import say, say_json, say_table
from whiteroom.cli.owned_uses import documents, say_uses, snapshots_of, uses_of
from whiteroom.cli.problems import Problem
from whiteroom.domain.observability.events import ResourceEvent
from whiteroom.domain.observability.next_actions import Advice, NextAction
from whiteroom.domain.resources.collaborations import Collaboration
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.results import Result
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_models import BASE_VERSION, TrainedModel
from whiteroom.opening import open_tables
from whiteroom.operations.access import KEY_SEALS_DOCUMENTS, KEY_SEALS_FILES, KEY_SEALS_NOTHING
from whiteroom.ports.catalog import Catalog
from whiteroom.ports.repositories import Repository
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.advice import advice
from whiteroom.reads.deliveries import refused_to
from whiteroom.reads.unread import unread_tables
from whiteroom.settings import Settings
from whiteroom.store.connections import StoreConnections

Repositories = Callable[[Transaction], Repository[Any]]

KINDS: Mapping[str, tuple[str, Repositories]] = {
    "collaboration": ("collaboration", lambda tx: tx.collaborations),
    "membership": ("membership", lambda tx: tx.memberships),
    "configuredtable": ("configured table", lambda tx: tx.configured_tables),
    "configuredtableassociation": ("configured table association", lambda tx: tx.configured_table_associations),
    "analysistemplate": ("analysis template", lambda tx: tx.analysis_templates),
    "configured-model-algorithm": ("configured model algorithm", lambda tx: tx.configured_model_algorithms),
    "configured-model-algorithm-association": (
        "configured model algorithm association",
        lambda tx: tx.configured_model_algorithm_associations,
    ),
    "privacybudgettemplate": ("privacy budget template", lambda tx: tx.privacy_budget_templates),
    "protectedquery": ("protected query", lambda tx: tx.protected_queries),
    "ml-input-channel": ("ML input channel", lambda tx: tx.ml_input_channels),
    "trained-model": ("trained model", lambda tx: tx.trained_models),
    "trained-model-inference-job": ("inference job", lambda tx: tx.trained_model_inference_jobs),
}
"""By the ARN's kind: what people call it, and where its records are."""


def explain(
    arn: Annotated[str, typer.Argument(help="The resource's ARN.", show_default=False)],
    as_account: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="ACCOUNT",
            help="Show what this owner sees of it.",
            show_default=False,
            autocompletion=account_ids,
        ),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show everything that happened to a resource: when, from which status to which, by whom and why.

    All versions of a trained model, and their exports, are shown together. A resource that takes no time has no such
    history: then you see what it is. For a collaboration you see what each member has to do next, and for a membership
    what its member has to do. A protected query has no ARN at AWS: write MEMBERSHIP_ARN/protectedquery/ID.

    With `--as` you see what the owner of tables sees of a channel, of a query, or of all channels of a collaboration:
    which of its tables and columns were read, by which rule, how many rows came out, and the SQL if it may read it; and
    why a table of its own could not be read. A receiver of a query or a job sees why its own bucket took nothing.

    Example: `whiteroom explain arn:aws:cleanrooms-ml:us-east-1:111122223333:membership/.../trained-model/...`
    """
    settings = existing_folder(data)
    place = parsed(arn)
    with opened_store(settings) as store, store.reading() as tx:
        if as_account is not None:
            _explain_as(tx, as_account, arn, place, as_json=as_json)
            return
        events = tx.events(arn)
        names = _names(tx, arn, events)
        whole = _record(tx, place)
        record = None if events else whole
        advice = _advice(tx, open_tables(settings, connections=StoreConnections(store).find), record)
    if not events and record is None:
        raise Problem(f"Nothing here has the ARN {arn}. Check the account, the identifier and --data.")
    if as_json:
        document = {"arn": arn, "kind": kind_name(place), "events": [_document(event, names) for event in events]}
        members = [
            {"accountId": a.account_id, "status": a.status.value, "next": [each.text for each in a.actions]}
            for a in advice
        ]
        read = {"snapshots": snapshots_of(whole)} if snapshots_of(whole) else {}
        say_json({**document, **read, "members": members} if advice else {**document, **read})
    elif events:
        _say_events(events, names)
        for name, snapshot in snapshots_of(whole).items():
            say(f"It read table '{name}' at snapshot {snapshot}.")
    else:
        what = with_article(kind_name(place))
        say(f"{arn} is {what}. {_sketch(record, settings)}. It has no statuses to go through, so no history is kept.")
        if advice:
            rows = [(a.account_id, a.status.value, each.text) for a in advice for each in a.actions or (_NOTHING,)]
            say_table(("MEMBER", "STATUS", "NEXT"), rows)


def _explain_as(tx: Transaction, account_id: str, arn: str, place: Arn, *, as_json: bool) -> None:
    record = _record(tx, place)
    if record is None:
        raise Problem(f"Nothing here has the ARN {arn}. Check the account, the identifier and --data.")
    refused, unread = _refused(tx, account_id, record), unread_tables(tx, account_id, record)
    try:
        uses = uses_of(tx, account_id, record)
    except Problem:
        if not (refused or unread):
            raise
        uses = ()
    if as_json:
        not_delivered = [{"job": one.job_name, "reason": one.reason} for one in refused]
        not_read = [{"table": name, "reason": reason} for name, reason in unread.items()]
        found = {"uses": documents(uses), "notDelivered": not_delivered, "notRead": not_read}
        say_json({"arn": arn, "as": account_id, **found})
        return
    for one in refused:
        say(f"Nothing of {one.job_name} was delivered to {account_id}: {one.reason}")
    for name, reason in unread.items():
        say(f"The table '{name}' was not read: {reason}")
    if uses or not (refused or unread):
        say_uses(uses)


def _refused(tx: Transaction, account_id: str, record: Any) -> list[Result]:
    """What the account's own location took nothing of: of the job itself, or of exports of a model."""
    exports: Iterable[TrainedModelExportJob] = ()
    if isinstance(record, TrainedModel):
        wanted = {"collaboration_id": record.collaboration_id, "trained_model_arn": record.arn}
        exports = tx.trained_model_export_jobs.all(**wanted)
    found = (refused_to(tx, job_id, account_id) for job_id in (record.id, *(job.id for job in exports)))
    return [one for one in found if one is not None]


_NOTHING = NextAction("Nothing.")


def _advice(tx: Transaction, catalog: Catalog, record: Any) -> tuple[Advice, ...]:
    """What the members of a collaboration, or the one of a membership, have to do next; nothing of other resources."""
    if isinstance(record, Collaboration):
        return advice(tx, catalog, record, utc_now())
    if not isinstance(record, Membership):
        return ()
    collaboration = tx.collaborations.get(record.collaboration_id)
    everybody = () if collaboration is None else advice(tx, catalog, collaboration, utc_now())
    return tuple(item for item in everybody if item.account_id == record.account_id)


def _say_events(events: tuple[ResourceEvent, ...], names: Mapping[str, str]) -> None:
    several = len(names) > 1
    rows = [
        (
            event.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
            *([names[event.record_id]] if several else []),
            event.from_status or "-",
            event.to_status,
            event.event.value,
            _who(event),
            event.reason,
        )
        for event in events
    ]
    say_table(("TIME (UTC)", *(["OF"] if several else []), "FROM", "TO", "EVENT", "BY", "REASON"), rows)


def _who(event: ResourceEvent) -> str:
    """The account and its user, and the session where the user had assumed a role."""
    if event.user is None:
        return event.actor
    session = (event.principal or "").partition(":assumed-role/")[2]
    return f"{event.actor} {event.user}{session and ' as '}{session}"


def _names(tx: Transaction, arn: str, events: tuple[ResourceEvent, ...]) -> dict[str, str]:
    """What to call each record whose events share the ARN: versions of one model, and exports of them."""
    names = {model.id: version_name(model) for model in tx.trained_models.all(arn=arn)}
    for record_id in {event.record_id for event in events} - set(names):
        job = tx.trained_model_export_jobs.get(record_id)
        names[record_id] = f"export {job.name}" if job is not None else record_id
    return names


def version_name(model: TrainedModel) -> str:
    """What people call a version: `base`, or its identifier."""
    return "base" if model.version_identifier == BASE_VERSION else model.version_identifier


def parsed(arn: str) -> Arn:
    """The parts of an ARN.

    Raises:
        Problem: it is none.
    """
    try:
        return parse_arn(arn)
    except ValueError as error:
        raise Problem(f"{error} An operation's answer names it.") from None


def kind_name(arn: Arn) -> str:
    """What people call what an ARN names."""
    return KINDS[arn.kind][0] if arn.kind in KINDS else arn.kind


def _record(tx: Transaction, arn: Arn) -> Any:
    """The record of an ARN, and of no other: the identifier alone does not make it the same resource."""
    if arn.kind not in KINDS:
        return None
    record = KINDS[arn.kind][1](tx).get(arn.resource_id)
    return record if record is not None and record.arn == str(arn) else None


def _sketch(record: Any, settings: Settings) -> str:
    name = f" named {record.name}" if hasattr(record, "name") else ""
    status = f", and is {record.status.value}" if hasattr(record, "status") else ""
    owner = getattr(record, "account_id", None) or record.creator_account_id
    sealed = KEY_SEALS_FILES if settings.files == "sealed" else KEY_SEALS_DOCUMENTS
    key_note = KEY_SEALS_NOTHING if settings.keys == "echo" else sealed
    key = f". {key_note.rstrip('.')}" if getattr(record, "kms_key_arn", None) else ""
    made = f"{record.created_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"It belongs to account {owner}{name and ','}{name}, was made at {made}{status}{key}"


def _document(event: ResourceEvent, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "at": event.at.isoformat(),
        "of": names[event.record_id],
        "revision": event.revision,
        "event": event.event.value,
        "fromStatus": event.from_status,
        "toStatus": event.to_status,
        "actor": event.actor,
        "user": event.user,
        "principal": event.principal,
        "reason": event.reason,
    }
