"""Analysis logs: who analysed which tables, to what end, as each member concerned may read it.

An analysis is a protected query, a channel (by the query that fills it), a training, an inference job or an export.
Its SUBMISSION is written in the transaction that accepts it, its TERMINATION in the one that ends it, one of each for
every member concerned: who runs it, who receives its results, and whose tables it names or was made of. An attempt that
is refused at once has a SUBMISSION alone.

Source: Analysis logging of the user guide; queryLogStatus and jobLogStatus of CreateCollaboration and CreateMembership
(botocore 1.44.5). AWS means PySpark jobs by "job"; here trainings, inference jobs and exports are what a jobLogStatus
is about (decision 0025).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from whiteroom.domain.observability.analysis_ends import End, Ending, TableAccess
from whiteroom.domain.resources.collaborations import Collaboration
from whiteroom.domain.resources.memberships import Membership, MembershipStatus

ENABLED = "ENABLED"
GROUP_PREFIX = "/aws/cleanrooms/"
"""Of the log groups of analysis logs: the collaboration's id follows."""
CATEGORY_VERSION = "1.0"
REFUSED_TEXT_CHARACTERS = 4_096
"""Of the SQL of a refused attempt: nothing ran, and nobody is to fill others' logs. Its digest is of the whole."""


REFUSED_TO_ANOTHER = "The attempt was refused, and nothing was read. Whoever made it was told why."
"""What others read of why a job was refused: the reason may name its channel, and tables of third parties."""


class LogStage(StrEnum):
    """logStage."""

    SUBMISSION = "SUBMISSION"
    """It was asked for."""
    TERMINATION = "TERMINATION"
    """It ended, or was refused at once."""


class Category(StrEnum):
    """analysisCategory. SQL is AWS's; it has no other for what is trained."""

    SQL = "SQL"
    """Protected queries and ML input channels."""
    TRAINING = "TRAINING"
    """Trained models."""
    INFERENCE = "INFERENCE"
    """Inference jobs."""
    EXPORT = "EXPORT"
    """Export jobs."""

    @property
    def stream(self) -> str:
        """The log stream of its events."""
        return QUERIES if self is Category.SQL else JOBS


QUERIES, JOBS = STREAMS = ("queries", "jobs")
"""The log streams of a group: what queryLogStatus is about, and what jobLogStatus is."""


@dataclass(frozen=True, slots=True)
class LoggedTable:
    """A table that an analysis names, or that its rows came from."""

    association_id: str
    name: str
    owner_account_id: str
    configured_table_id: str
    rule_type: str | None
    """The type of its analysis rule; None without one."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis, as far as its log describes it."""

    id: str
    """The protected query's, or the job's; of a refused attempt a new one."""
    category: Category
    collaboration_id: str
    runner_account_id: str
    runner_user: str
    """Which user of the account asked: its name, also where it has assumed a role."""
    runner_arn: str
    """As AWS names the user, or the session of the role that it has assumed."""
    tables: tuple[LoggedTable, ...]
    receiver_account_ids: tuple[str, ...]
    about: Mapping[str, Any]
    """What else its events contain: the resources that it is about, by AWS's names."""
    text: str | None = None
    """The SQL; None of what has none."""
    parameters: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AnalysisLogEvent:
    """One event in one account's log."""

    id: str
    """Made of the analysis, the stage and the account: there is one of each."""
    account_id: str
    collaboration_id: str
    stream: str
    analysis_id: str
    stage: LogStage
    at: datetime
    """Not before the event that is before it in the account's stream."""
    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StreamSpan:
    """One stream of an account's log group that has events, and when its first and last were."""

    name: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an attempt was refused: the fault's code, and its sentence."""

    code: str
    message: str


def logs_enabled(collaboration: Collaboration, membership: Membership, category: Category) -> bool:
    """Whether a member has a log of such analyses: the collaboration must have it enabled, and the membership too."""
    if membership.status is not MembershipStatus.ACTIVE:
        return False
    if category is Category.SQL:
        return collaboration.query_log_status == ENABLED and membership.query_log_status == ENABLED
    return collaboration.job_log_status == ENABLED and membership.job_log_status == ENABLED


def group_name(collaboration_id: str) -> str:
    """The log group of a collaboration's analyses, in each account that has one."""
    return f"{GROUP_PREFIX}{collaboration_id}"


def concerned(analysis: Analysis) -> tuple[str, ...]:
    """The accounts to which an analysis is of concern: its runner, its receivers and the tables' owners."""
    owners = (table.owner_account_id for table in analysis.tables)
    return tuple(dict.fromkeys((analysis.runner_account_id, *analysis.receiver_account_ids, *owners)))


def submissions(
    analysis: Analysis,
    accounts: Iterable[str],
    names: Mapping[str, str],
    at: datetime,
    *,
    withhold_text: bool,
    refusal: Refusal | None = None,
) -> tuple[AnalysisLogEvent, ...]:
    """The event of an analysis that was asked for, for each of these accounts.

    Args:
        analysis: what was asked for.
        accounts: whose logs are written.
        names: what members are called, by account.
        at: when.
        withhold_text: whether the SQL and its parameters are left out, but for the digest and the names.
        refusal: why it was refused at once; None where it was accepted.
    """
    document = _document(analysis, names, withhold_text=withhold_text)
    if refusal is not None:
        text = document.get("queryText", "")
        if len(text) > REFUSED_TEXT_CHARACTERS:
            document |= {"queryText": text[:REFUSED_TEXT_CHARACTERS], "queryTextCut": True}
        document |= {"status": End.REFUSED.value, "errorCode": refusal.code, "errorMessage": refusal.message}
        if analysis.category is Category.SQL:
            document["queryValidationErrors"] = [refusal.message]
    access = TableAccess.NAMED if refusal is None else TableAccess.NOT_READ
    return tuple(
        _event(analysis, LogStage.SUBMISSION, account, at, {**document, **_tables(analysis.tables, account, access)})
        for account in accounts
    )


def termination(
    submission: AnalysisLogEvent,
    end: Ending,
    read: Callable[[str], TableAccess],
    columns: Mapping[str, Sequence[str]],
    at: datetime,
    unread: Mapping[str, str] = MappingProxyType({}),
) -> AnalysisLogEvent:
    """The event of an analysis that has ended, for an account that has its submission.

    Args:
        submission: the event that the account got when the analysis was requested.
        end: how it ended.
        read: what became of a table, by its association's id.
        columns: which of each table were read, by the ids of associations; shown to the tables' owners.
        at: when.
        unread: why tables could not be read, by the ids of associations; shown to the tables' owners.
    """
    ended = {"status": end.status.value, "errorCode": end.code, "errorMessage": end.message}
    tables = []
    for table in submission.message["tables"]:
        association_id, mine = table["associationId"], table["ownerAccountId"] == submission.account_id
        shown = {**table, "access": read(association_id).value}
        if mine and association_id in columns:
            shown["columnsRead"] = list(columns[association_id])
        if mine and association_id in unread:
            shown["notReadReason"] = unread[association_id]
        tables.append(shown)
    event_id = _event_id(submission.analysis_id, LogStage.TERMINATION, submission.account_id)
    stated = {"eventId": _uuid(event_id), "eventTimestamp": _millis(at), "logStage": LogStage.TERMINATION.value}
    message = {**submission.message, **stated, **ended, "tables": tables}
    message = {name: value for name, value in message.items() if value is not None}
    return replace(submission, id=event_id, stage=LogStage.TERMINATION, at=at, message=message)


def digest_of(text: str) -> str:
    """The SHA-256 of a query's text, in hexadecimal: whoever has the text can tell that it is the same."""
    return hashlib.sha256(text.encode()).hexdigest()


def _document(analysis: Analysis, names: Mapping[str, str], *, withhold_text: bool) -> dict[str, Any]:
    """What every member concerned reads alike."""
    by_owner: dict[str, list[str]] = {}
    for table in analysis.tables:
        by_owner.setdefault(table.owner_account_id, []).append(table.name)
    runners = "queryRunners" if analysis.category is Category.SQL else "jobRunners"
    document: dict[str, Any] = {
        "collaborationId": analysis.collaboration_id,
        "analysisId": analysis.id,
        "analysisCategory": analysis.category.value,
        "analysisCategoryVersion": CATEGORY_VERSION,
        runners: [analysis.runner_account_id],
        "runnerUser": analysis.runner_user,
        "runnerArn": analysis.runner_arn,
        "resultReceivers": list(analysis.receiver_account_ids),
        "memberSchemaMapping": by_owner,
        "memberDisplayNames": {account: names[account] for account in concerned(analysis) if account in names},
        "status": "SUBMITTED",
        **analysis.about,
    }
    if analysis.text is not None:
        document["queryTextSha256"] = digest_of(analysis.text)
        if not withhold_text:
            document["queryText"] = analysis.text
    if analysis.parameters:
        document["parameters"] = sorted(analysis.parameters) if withhold_text else dict(analysis.parameters)
    return document


def _tables(tables: Sequence[LoggedTable], account_id: str, access: TableAccess) -> dict[str, Any]:
    """The tables as one account reads them: the id of a configured table is for its owner alone."""
    shown = []
    for table in tables:
        own = table.owner_account_id == account_id
        shown.append(
            {
                "schemaName": table.name,
                "ownerAccountId": table.owner_account_id,
                "associationId": table.association_id,
                **({"analysisRuleType": table.rule_type} if table.rule_type is not None else {}),
                **({"configuredTableId": table.configured_table_id} if own else {}),
                "access": access.value,
            }
        )
    mine = [table for table in tables if table.owner_account_id == account_id]
    of_concern = mine or list(tables)
    alone: dict[str, Any] = {}
    if len(of_concern) == 1:
        alone["schemaName"] = of_concern[0].name
        if mine:
            alone["configuredTableId"] = mine[0].configured_table_id
    return {**alone, "tables": shown}


def _event(
    analysis: Analysis, stage: LogStage, account_id: str, at: datetime, document: Mapping[str, Any]
) -> AnalysisLogEvent:
    event_id = _event_id(analysis.id, stage, account_id)
    stated = {"eventId": _uuid(event_id), "eventTimestamp": _millis(at), "logStage": stage.value}
    message = {**stated, **document}
    return AnalysisLogEvent(
        id=event_id,
        account_id=account_id,
        collaboration_id=analysis.collaboration_id,
        stream=analysis.category.stream,
        analysis_id=analysis.id,
        stage=stage,
        at=at,
        message=message,
    )


def _event_id(analysis_id: str, stage: LogStage, account_id: str) -> str:
    return f"{analysis_id}/{stage.value}/{account_id}"


def _uuid(event_id: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, event_id))


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
