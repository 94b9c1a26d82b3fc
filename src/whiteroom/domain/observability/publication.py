"""Whether a run's logs and metrics reached a member, and if not, why (logsStatus, metricsStatus)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from whiteroom.domain.execution.failures import MEANING, StatusCode
from whiteroom.domain.observability.container_logs import reading_of
from whiteroom.domain.privacy.policies import LogPolicy
from whiteroom.domain.privacy.redaction import Finder
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.domain.verdicts import Denied, Verdict


@dataclass(frozen=True, slots=True)
class Publication:
    """LogsStatus or MetricsStatus, None where nothing is published to this member, and the reason."""

    status: str | None
    details: str | None


NOTHING_TO_SAY = Publication(None, None)


@dataclass(frozen=True, slots=True)
class Published:
    """Whether one member gets one run's logs or metrics, in AWS's words."""

    logs: Publication = NOTHING_TO_SAY
    metrics: Publication = NOTHING_TO_SAY
    withheld: str | None = None
    """Why nothing of the run is published any more."""


_WITHHELD = "Not published any further, because an owner has taken back what it had allowed."


def why_withheld(verdict: Verdict, status_code: str | None) -> str | None:
    """Why nothing of a run's logs and metrics is published any more; None where that is not so.

    Args:
        verdict: whether the owners of the rows that the run was of allow their use now.
        status_code: of the run's record. One that was ended by an owner stays withheld, whatever is allowed later.
    """
    if status_code == StatusCode.REVOKED_BY_OWNER:
        return "Not published: the owner of a table that the run rests on ended it by taking back what it had allowed."
    if isinstance(verdict, Denied):
        return f"{_WITHHELD} {verdict.reason}"
    return None


def without_reason(withheld: str | None) -> str | None:
    """`why_withheld` for a member whose run it is not: the reason would tell which columns another's query reads."""
    return None if withheld is None else _WITHHELD


def published_failure_message(code: str | None, message: str | None, withheld: str | None) -> str | None:
    """What members read of how a run failed.

    Of one that is withheld it is what the code means: the words may be the program's, and say what it has read.
    """
    kept = {StatusCode.REVOKED_BY_OWNER, StatusCode.INSTANCE_CLAMPED}
    if withheld is None or code is None or StatusCode(code) in kept:
        return message
    return MEANING[StatusCode(code)]


def logs_publication(  # noqa: PLR0911 - one row for each reason
    account_id: str,
    recorded: Publication,
    run_started_at: datetime | None,
    association: ConfiguredModelAlgorithmAssociation | None,
    policies: Iterable[LogPolicy],
    configuration: MLConfiguration | None,
    finder: Finder | None = None,
    withheld: str | None = None,
) -> Publication:
    """Whether `account_id` gets the logs of one run.

    Args:
        account_id: who asks.
        recorded: what the controller wrote down for those who receive logs.
        run_started_at: None before the run starts, when there is nothing to say.
        association: the one whose policy the run is under; None where it has been deleted.
        policies: its container log policies for this kind of run.
        configuration: the asking member's own ML configuration.
        finder: what masks the log; what it cannot mask reaches nobody.
        withheld: why nothing of the run is published any more (`why_withheld`).
    """
    if run_started_at is None:
        return NOTHING_TO_SAY
    if withheld is not None:
        return Publication("PUBLISH_FAILED", withheld)
    if association is None or association.privacy_configuration is None:
        return Publication(
            None,
            "No member receives logs: the configured model algorithm association has no privacy configuration. Who "
            "reads them is its provider's decision, in containerLogs of the association that a job is run with.",
        )
    reading = reading_of(account_id, policies)
    if reading is None:
        return Publication(
            None,
            f"Account {account_id} is not in allowedAccountIds of any containerLogs policy of the configured model "
            "algorithm association. Who reads logs is its provider's decision, in the association that a job is run "
            "with.",
        )
    if configuration is None or configuration.created_at > run_started_at:
        # The status and the first sentence are AWS's (docs/sources.md).
        return Publication(
            "PUBLISH_FAILED",
            "Failed to publish logs as no ML Config role is set. Call PutMLConfiguration and run a new job.",
        )
    fault = None if finder is None else finder.fault(reading.policies)
    if fault is not None:
        return Publication("PUBLISH_FAILED", fault)
    summaries = f"Account {account_id} receives error summaries alone: there is one once the run has failed."
    return Publication(recorded.status, recorded.details or (None if reading.whole else summaries))


def notice_of_unread_runs(
    accounts: Iterable[str], log_policies: Iterable[LogPolicy], configured: Collection[str]
) -> str:
    """What the audit trail says of those who will read nothing of a run that is asked for now; empty where none is.

    Args:
        accounts: the active members; the one that asks first.
        log_policies: that name who reads the logs.
        configured: accounts with an ML configuration.
    """
    asking, *others = accounts
    named = {account for policy in log_policies for account in policy.allowed_account_ids}
    without = [account for account in (asking, *sorted(others)) if account not in configured]
    without = [account for account in without if account == asking or account in named]
    if not without:
        return ""
    many = "s" * (len(without) > 1)
    return (
        f"Account{many} {', '.join(without)} {'have' if many else 'has'} no ML configuration: where that is so when "
        "the run starts, its logs and metrics are not published there, ever. Call PutMLConfiguration now."
    )


def metrics_publication(
    recorded: Publication,
    run_started_at: datetime | None,
    configuration: MLConfiguration | None,
    withheld: str | None = None,
) -> Publication:
    """Whether a member gets the metrics of one run: every member with an ML configuration can read them.

    Args:
        recorded: what the controller wrote down for all who can.
        run_started_at: None before the run starts, when there is nothing to say.
        configuration: the asking member's own ML configuration.
        withheld: why nothing of the run is published any more (`why_withheld`).
    """
    if run_started_at is None:
        return NOTHING_TO_SAY
    if withheld is not None:
        return Publication("PUBLISH_FAILED", withheld)
    if configuration is None or configuration.created_at > run_started_at:
        return Publication(
            "PUBLISH_FAILED",
            "Failed to publish metrics as no ML Config role is set. Call PutMLConfiguration and run a new job.",
        )
    return recorded
