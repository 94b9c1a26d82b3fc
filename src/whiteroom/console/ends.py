"""What may be ended, by which operation, and what its form says before: a table of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from whiteroom.console.within import ML, Within


@dataclass(frozen=True, slots=True)
class End:
    """One way in which something ends."""

    button: str
    sentence: str
    """What it does, said before it is done."""
    service: str
    operation: str
    key: str
    """The member that names what is ended."""
    while_: frozenset[str]
    """The statuses in which it is offered; the operation decides."""
    has_versions: bool = False
    by_any_member: bool = False
    """Whether it may be ended by others than its maker."""
    parameters: Mapping[str, Any] = field(default_factory=dict)


_WORKING = frozenset({"CREATE_PENDING", "CREATE_IN_PROGRESS"})
_MADE = frozenset({"ACTIVE", "DELETE_FAILED"})

ENDS: Mapping[tuple[str, str], End] = {
    ("models", "cancel"): End(
        button="Cancel the training",
        sentence="The training ends, and leaves no model.",
        service=ML,
        operation="CancelTrainedModel",
        key="trainedModelArn",
        while_=_WORKING,
        has_versions=True,
    ),
    ("models", "delete"): End(
        button="Delete the model's files",
        sentence="The files of this version are erased for good. What was delivered stays with its receivers.",
        service=ML,
        operation="DeleteTrainedModelOutput",
        key="trainedModelArn",
        while_=_MADE,
        has_versions=True,
        by_any_member=True,
    ),
    ("channels", "delete"): End(
        button="Delete the channel's rows",
        sentence="The rows of this channel are erased for good. Models that were trained on them stay.",
        service=ML,
        operation="DeleteMLInputChannelData",
        key="mlInputChannelArn",
        while_=_MADE,
        by_any_member=True,
    ),
    ("inference-jobs", "cancel"): End(
        button="Cancel the job",
        sentence="The job ends, and delivers nothing.",
        service=ML,
        operation="CancelTrainedModelInferenceJob",
        key="trainedModelInferenceJobArn",
        while_=_WORKING,
    ),
    ("queries", "cancel"): End(
        button="Cancel the query",
        sentence="The query ends, and delivers nothing.",
        service="cleanrooms",
        operation="UpdateProtectedQuery",
        key="protectedQueryIdentifier",
        while_=frozenset({"SUBMITTED", "STARTED"}),
        parameters={"targetStatus": "CANCELLED"},
    ),
}
"""By the kind of page, and what its form says."""


def offered(here: Within, kind: str, name: str, answer: Mapping[str, Any]) -> list[tuple[str, End]]:
    """What a page offers, in this status, where the role may: of the visitor's own, or what any member may end."""
    is_own = kind == "queries" or here.owns(name)
    return [
        (what, one)
        for (of_kind, what), one in ENDS.items()
        if of_kind == kind
        and (is_own or (one.by_any_member and here.membership))
        and answer["status"] in one.while_
        and here.visitor.may(one.service, one.operation)
    ]
