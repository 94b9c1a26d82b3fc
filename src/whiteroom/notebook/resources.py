"""What an answer speaks of: which resource, by which operation it is looked at, and where its log and metrics are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

ML, CLEANROOMS = "cleanroomsml", "cleanrooms"
BASE_VERSION = "NULL"
"""What the first version of a model is called; botocore lets nobody ask for it, since it is no UUID."""


class Clients(Protocol):
    """A member's clients."""

    def __call__(self, service: str, *, checked: bool = True) -> Any:
        """boto3's client of a service, by its name there; unchecked: it sends what it is given."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of what takes time."""

    noun: str
    """As waiters call it: `trained_model`."""
    key: str
    """The member of requests and answers that names one."""
    service: str
    operation: str
    """Looks at one: a method of the client."""
    success: str
    """The status at the end of one that went well."""
    log_folder: str = ""
    """What CloudWatch calls its group of logs and its namespace of metrics; empty where it has none."""


INFERENCE_JOB = Kind(
    noun="trained_model_inference_job",
    key="trainedModelInferenceJobArn",
    service=ML,
    operation="get_trained_model_inference_job",
    success="ACTIVE",
    log_folder="/aws/cleanroomsml/TrainedModelInferenceJobs",
)
CHANNEL = Kind("ml_input_channel", "mlInputChannelArn", ML, "get_ml_input_channel", "ACTIVE")
MODEL = Kind(
    noun="trained_model",
    key="trainedModelArn",
    service=ML,
    operation="get_trained_model",
    success="ACTIVE",
    log_folder="/aws/cleanroomsml/TrainedModels",
)
QUERY = Kind("protected_query", "protectedQueryIdentifier", CLEANROOMS, "get_protected_query", "SUCCESS")

KINDS = (INFERENCE_JOB, CHANNEL, MODEL, QUERY)
"""In the order in which answers are searched: an inference job names its model, and a channel its query."""

OF_COLLABORATIONS = {
    CHANNEL: "get_collaboration_ml_input_channel",
    MODEL: "get_collaboration_trained_model",
}
"""How a member looks at what another made."""

_KEPT = {MODEL: ("versionIdentifier",)}
"""What else of an answer goes into the request that looks at it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that takes time, and how it is looked at."""

    kind: Kind
    request: Mapping[str, Any]
    """Of the operation that looks at it."""
    of_collaboration: bool = False
    """Whether it is another member's, and so looked at by way of the collaboration."""

    @property
    def operation(self) -> str:
        """The client's method."""
        return OF_COLLABORATIONS[self.kind] if self.of_collaboration else self.kind.operation

    def waiter(self, status: str) -> str:
        """What the waiter for that status is called."""
        return f"{'collaboration_' * self.of_collaboration}{self.kind.noun}_{status.lower()}"

    def look(self, clients: Clients) -> Any:
        """What boto3 answers of it now."""
        request = dict(self.request)
        version = request.pop("versionIdentifier", None)
        if version != BASE_VERSION:
            return getattr(clients(self.kind.service), self.operation)(**self.request)
        latest = getattr(clients(self.kind.service), self.operation)(**request)
        if version_of(latest) == BASE_VERSION:
            return latest
        return getattr(clients(self.kind.service, checked=False), self.operation)(**self.request)


def resource_of(answer: Mapping[str, Any]) -> Resource:
    """What an answer, a summary of a list or a request's own members speak of.

    Raises:
        ValueError: nothing in them says that.
    """
    if "protectedQuery" in answer:
        query = answer["protectedQuery"]
        answer = {"protectedQueryIdentifier": query["id"], "membershipIdentifier": query["membershipId"]}
    for kind in KINDS:
        if kind.key in answer:
            return _resource(kind, answer)
    raise ValueError(
        "Nothing here says what is meant. Give what boto3 answered of a channel, a trained model, an inference job or "
        f"a query, or one of {', '.join(kind.key for kind in KINDS)}."
    )


def run_of(answer: Mapping[str, Any]) -> Resource:
    """The training or the inference job that is meant: what runs a program, and so has a log and metrics.

    Raises:
        ValueError: it is something else.
    """
    resource = resource_of(answer)
    if not resource.kind.log_folder:
        raise ValueError("Trained models and inference jobs have logs and metrics; channels and queries have none.")
    return resource


def _resource(kind: Kind, answer: Mapping[str, Any]) -> Resource:
    named = {kind.key: answer[kind.key]}
    named |= {name: answer[name] for name in _KEPT.get(kind, ()) if answer.get(name)}
    of_collaboration = "creatorAccountId" in answer or (
        "collaborationIdentifier" in answer and "membershipIdentifier" not in answer
    )
    if of_collaboration and kind in OF_COLLABORATIONS and "collaborationIdentifier" in answer:
        return Resource(kind, {"collaborationIdentifier": answer["collaborationIdentifier"], **named}, True)
    return Resource(kind, {"membershipIdentifier": _membership(kind, answer), **named})


def _membership(kind: Kind, answer: Mapping[str, Any]) -> str:
    """The membership that it belongs to: ARNs have it in them (`...:membership/ID/trained-model/ID`)."""
    if "membershipIdentifier" in answer:
        return str(answer["membershipIdentifier"])
    _, found, rest = str(answer[kind.key]).partition(":membership/")
    if not found:
        raise ValueError("Give `membershipIdentifier` too.")
    return rest.partition("/")[0]


def version_of(answer: Mapping[str, Any]) -> str:
    """Which version of a model an answer of it speaks of, as logs and metrics name it."""
    return str(answer.get("versionIdentifier") or BASE_VERSION)


def named(answer: Mapping[str, Any]) -> str:
    """What people call it: its name, or else its identifier."""
    query = answer.get("protectedQuery")
    if query:
        return f"query {query['id']}"
    for name in ("name", *(kind.key for kind in KINDS)):
        if name in answer:
            return str(answer[name])
    return "it"
