"""Every statusDetails.statusCode a member can see, with what it means: the one documented list.

AWS calls the code stable and the message free to change. `docs/status-codes.md` is generated from here.
"""

from __future__ import annotations

from enum import StrEnum

from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.domain.execution.synthetic_data import SynthesisFailure


class StatusCode(StrEnum):
    """Why a resource failed; the last one alone is no failure."""

    ALGORITHM_ERROR = "AlgorithmError"
    MAX_RUNTIME_EXCEEDED = "MaxRuntimeExceeded"
    OUT_OF_MEMORY = "OutOfMemory"
    TOO_MANY_PROCESSES = "TooManyProcesses"
    VOLUME_EXCEEDED = "VolumeExceeded"
    ARTIFACT_TOO_LARGE = "ArtifactTooLarge"
    UNSAFE_ARTIFACT = "UnsafeArtifact"
    CONFLICTING_ARTIFACT = "ConflictingArtifact"
    IMAGE_NOT_FOUND = "ImageNotFound"
    SANDBOX_UNAVAILABLE = "SandboxUnavailable"
    INSTANCE_LOST = "InstanceLost"
    UNSUPPORTED = "UnsupportedConfiguration"
    CHANNEL_UNAVAILABLE = "ChannelUnavailable"
    MODEL_UNAVAILABLE = "ModelUnavailable"
    QUERY_REFUSED = "QueryRefused"
    QUERY_INVALID = "QueryInvalid"
    DATA_ERROR = "DataError"
    QUERY_RESOURCES_EXCEEDED = "QueryResourcesExceeded"
    QUERY_TIMED_OUT = "QueryTimedOut"
    PRIVACY_BUDGET_SPENT = "PrivacyBudgetSpent"
    SYNTHETIC_DATA_REFUSED = "SyntheticDataRefused"
    PRIVACY_THRESHOLD_EXCEEDED = "PrivacyThresholdExceeded"
    INFERENCE_ERROR = "InferenceError"
    OUTPUT_TOO_LARGE = "OutputTooLarge"
    EXPORT_TOO_LARGE = "ExportTooLarge"
    EXPORT_NOT_ALLOWED = "ExportNotAllowed"
    RECEIVER_NOT_READY = "ReceiverNotReady"
    DELIVERY_FAILED = "DeliveryFailed"
    MEMBERSHIP_ENDED = "MembershipEnded"
    REVOKED_BY_OWNER = "RevokedByOwner"
    STOPPED_BY_OPERATOR = "StoppedByOperator"
    STORAGE_QUOTA_EXCEEDED = "StorageQuotaExceeded"
    KEY_UNAVAILABLE = "KeyUnavailable"
    PLATFORM_ERROR = "PlatformError"
    INSTANCE_CLAMPED = "InstanceClamped"
    """Of a resource that works or is ACTIVE."""


MEANING: dict[StatusCode, str] = {
    StatusCode.ALGORITHM_ERROR: "The program ended with an exit code other than 0, or could not be started.",
    StatusCode.MAX_RUNTIME_EXCEEDED: "The program ran longer than stoppingCondition.maxRuntimeInSeconds.",
    StatusCode.OUT_OF_MEMORY: "The program used more memory than its instance type has.",
    StatusCode.TOO_MANY_PROCESSES: "The program started more processes than an instance may have.",
    StatusCode.VOLUME_EXCEEDED: "The program wrote more than resourceConfig.volumeSizeInGB, more files than fit it, or "
    "more than its share of the server's memory, where files are in memory.",
    StatusCode.ARTIFACT_TOO_LARGE: (
        "Model and output together are larger than the policy's maxArtifactSize, as files or packed."
    ),
    StatusCode.UNSAFE_ARTIFACT: (
        "The program left a file that no archive may hold: for its name, its depth, or another name of it that lies "
        "elsewhere."
    ),
    StatusCode.CONFLICTING_ARTIFACT: (
        "Two instances of a training left different contents under the same path, or two of an inference job an output "
        "of the same name."
    ),
    StatusCode.IMAGE_NOT_FOUND: (
        "No image of that name is known to this server, or it cannot run here: it has no program to start, or is made "
        "for another kind of machine."
    ),
    StatusCode.SANDBOX_UNAVAILABLE: "This machine cannot seal the run; `whiteroom doctor` says why.",
    StatusCode.INSTANCE_LOST: (
        "An instance died of the machine and not of its own program, and the attempts that followed did too."
    ),
    StatusCode.UNSUPPORTED: "The request is valid, but this release does not run it.",
    StatusCode.CHANNEL_UNAVAILABLE: "An input channel was no longer ACTIVE when the run was to start.",
    StatusCode.MODEL_UNAVAILABLE: "The model version's artefacts were no longer there when they were needed.",
    StatusCode.QUERY_REFUSED: "The query is not allowed by the rules of a table it names.",
    StatusCode.QUERY_INVALID: "The query could not be run as it is written.",
    StatusCode.DATA_ERROR: "A table's file is broken, or its values do not fit its schema.",
    StatusCode.QUERY_RESOURCES_EXCEEDED: "The query needed more memory or disk than the server grants.",
    StatusCode.QUERY_TIMED_OUT: "The query ran longer than the server grants.",
    StatusCode.PRIVACY_BUDGET_SPENT: "Other queries spent what this one takes of the privacy budget while it ran.",
    StatusCode.SYNTHETIC_DATA_REFUSED: (
        "No synthetic rows could be made of the query's output as its template asks, or within the server's limits."
    ),
    StatusCode.PRIVACY_THRESHOLD_EXCEEDED: (
        "The synthetic rows' membership inference attack score is above the template's; they were erased."
    ),
    StatusCode.INFERENCE_ERROR: "The model server did not become ready, or refused a request.",
    StatusCode.OUTPUT_TOO_LARGE: "The inference output is larger than the policy's maxOutputSize.",
    StatusCode.EXPORT_TOO_LARGE: "The artefacts are larger than the export policy's maxSize, as files or packed.",
    StatusCode.EXPORT_NOT_ALLOWED: "The algorithm's privacy policy allows no export.",
    StatusCode.RECEIVER_NOT_READY: "The receiver lacks its ability or a valid output location at delivery.",
    StatusCode.DELIVERY_FAILED: "The receiver's location took nothing.",
    StatusCode.MEMBERSHIP_ENDED: "The member left, or the collaboration was deleted, before the work was done.",
    StatusCode.REVOKED_BY_OWNER: (
        "The owner of a table that the work rests on took back or narrowed its rule, or the table, before it was done."
    ),
    StatusCode.STOPPED_BY_OPERATOR: "The server's operator stopped all work of the collaboration before it was done.",
    StatusCode.STORAGE_QUOTA_EXCEEDED: "What it gave does not fit into the bytes that its members may keep.",
    StatusCode.KEY_UNAVAILABLE: "The key that seals it was taken away by its owner, or does not open it.",
    StatusCode.PLATFORM_ERROR: "A fault of this server; the operator's log has the rest.",
    StatusCode.INSTANCE_CLAMPED: (
        "No failure: the machine is smaller than the instance type, and the run got what the message says."
    ),
}

OF_THE_QUERY = frozenset({StatusCode.QUERY_REFUSED, StatusCode.QUERY_INVALID, StatusCode.REVOKED_BY_OWNER})
"""Failures whose sentence may name what a member's query reads."""


OF_ITS_OWNER = OF_THE_QUERY | {StatusCode.KEY_UNAVAILABLE}
"""Failures whose sentence is for the member alone whose it is."""


def message_for_others(code: str | None, message: str | None) -> str | None:
    """What members read of another member's failure: its sentence, but where that is for its owner alone."""
    if code is None or StatusCode(code) not in OF_ITS_OWNER:
        return message
    return MEANING[StatusCode(code)]


OF_RUN_END: dict[EndReason, StatusCode] = {
    EndReason.EXITED: StatusCode.ALGORITHM_ERROR,
    EndReason.STOPPED: StatusCode.PLATFORM_ERROR,
    EndReason.MAX_RUNTIME: StatusCode.MAX_RUNTIME_EXCEEDED,
    EndReason.MEMORY: StatusCode.OUT_OF_MEMORY,
    EndReason.PROCESSES: StatusCode.TOO_MANY_PROCESSES,
    EndReason.VOLUME: StatusCode.VOLUME_EXCEEDED,
    EndReason.IMAGE: StatusCode.IMAGE_NOT_FOUND,
    EndReason.SANDBOX: StatusCode.SANDBOX_UNAVAILABLE,
    EndReason.MACHINE: StatusCode.INSTANCE_LOST,
    EndReason.LOST: StatusCode.INSTANCE_LOST,
    EndReason.TRANSFORM: StatusCode.INFERENCE_ERROR,
    EndReason.PLATFORM: StatusCode.PLATFORM_ERROR,
}

OF_QUERY_FAILURE: dict[QueryFailure, StatusCode] = {
    QueryFailure.REFUSED: StatusCode.QUERY_REFUSED,
    QueryFailure.INVALID: StatusCode.QUERY_INVALID,
    QueryFailure.DATA: StatusCode.DATA_ERROR,
    QueryFailure.RESOURCES: StatusCode.QUERY_RESOURCES_EXCEEDED,
    QueryFailure.TIMEOUT: StatusCode.QUERY_TIMED_OUT,
    QueryFailure.STOPPED: StatusCode.PLATFORM_ERROR,
    QueryFailure.PLATFORM: StatusCode.PLATFORM_ERROR,
    QueryFailure.AGAIN: StatusCode.DATA_ERROR,
}

OF_SYNTHESIS_FAILURE: dict[SynthesisFailure, StatusCode] = {
    SynthesisFailure.UNFIT: StatusCode.SYNTHETIC_DATA_REFUSED,
    SynthesisFailure.SCORE: StatusCode.PRIVACY_THRESHOLD_EXCEEDED,
    SynthesisFailure.RESOURCES: StatusCode.SYNTHETIC_DATA_REFUSED,
    SynthesisFailure.TIMEOUT: StatusCode.SYNTHETIC_DATA_REFUSED,
    SynthesisFailure.NOT_INSTALLED: StatusCode.UNSUPPORTED,
    SynthesisFailure.STOPPED: StatusCode.PLATFORM_ERROR,
    SynthesisFailure.PLATFORM: StatusCode.PLATFORM_ERROR,
}


_OF_ONE_INSTANCE = frozenset(
    {
        EndReason.EXITED,
        EndReason.MEMORY,
        EndReason.PROCESSES,
        EndReason.VOLUME,
        EndReason.IMAGE,
        EndReason.SANDBOX,
        EndReason.MACHINE,
    }
)


def run_message(end: RunEnd) -> str:
    """What statusDetails.message says of a failed run: the failure file if there is one, else how it ended.

    Of several instances it names the one that failed.
    """
    message = end.failure or end.message or _exit_message(end)
    if end.instances > 1 and end.reason in _OF_ONE_INSTANCE:
        return f"{end.host}: {message or MEANING[OF_RUN_END[end.reason]]}"
    return message


def _exit_message(end: RunEnd) -> str:
    if end.reason is not EndReason.EXITED or end.exit_code is None:
        return ""
    signalled = f" (signal {end.exit_code - 128})" if end.exit_code > 128 else ""
    ended = f"The program ended with exit code {end.exit_code}{signalled} and left no /opt/ml/output/failure."
    if end.log_group is not None:
        return f"{ended} The members whom its log policy names read what it printed: `aws logs tail {end.log_group}`."
    return (
        f"{ended} No containerLogs policy of its algorithm's association lets a member read what it printed; the "
        "server's operator can (`whiteroom logs`)."
    )
