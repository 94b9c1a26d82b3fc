"""What a training leaves becomes artefacts, under the policies of its algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.runs import RunOutput
from whiteroom.domain.execution.steps import Failure
from whiteroom.domain.privacy.policies import PrivacyPolicies, archives_within_limit, artefact_within_limit
from whiteroom.domain.verdicts import Denied
from whiteroom.ports import ConflictingContents, Data, TooLarge, UnsafeContents


@dataclass(frozen=True, slots=True)
class Kept:
    """How many bytes of files were kept."""

    model_bytes: int
    output_bytes: int


def keep_artefacts(
    data: Data,
    left: Sequence[RunOutput],
    targets: tuple[DataRef, DataRef],
    policies: PrivacyPolicies,
    volume_bytes: int,
    until: float = inf,
) -> Kept | Failure:
    """Archive what all instances left; safe to repeat. After a failure archives may be there, for `clean_up` to delete.

    Args:
        data: keeps the archives.
        left: by instance, untrusted.
        targets: the archive of the models, and that of the outputs.
        policies: limit what may be kept.
        volume_bytes: what the instances could write, all together. Files that say they hold more are sparse.
        until: when it is given up, by time.monotonic().

    Raises:
        TookTooLong: it was not done by then; archives may be there, as after a failure.
    """
    models, outputs = {one.host: one.model for one in left}, {one.host: one.output for one in left}
    limit_bytes = volume_bytes if policies.max_artifact_bytes is None else policies.max_artifact_bytes
    model_archive, output_archive = targets
    try:
        size_bytes = data.measure(models, until) + data.measure(outputs, until)
        verdict = artefact_within_limit(size_bytes, policies, volume_bytes)
        if isinstance(verdict, Denied):
            return Failure(StatusCode.ARTIFACT_TOO_LARGE, verdict.reason)
        kept = data.pack(models, model_archive, limit_bytes, until)
        output = data.pack(outputs, output_archive, limit_bytes, until)
    except UnsafeContents as error:
        return Failure(StatusCode.UNSAFE_ARTIFACT, str(error))
    except ConflictingContents as error:
        return Failure(StatusCode.CONFLICTING_ARTIFACT, str(error))
    except TooLarge as error:
        return Failure(StatusCode.ARTIFACT_TOO_LARGE, str(error))
    verdict = archives_within_limit(kept.size_bytes + output.size_bytes, policies)
    if isinstance(verdict, Denied):
        return Failure(StatusCode.ARTIFACT_TOO_LARGE, verdict.reason)
    return Kept(kept.content_bytes, output.content_bytes)


def is_kept(data: Data, archive: DataRef, recorded_bytes: int | None) -> bool:
    """Whether the archive that a record speaks of is there, with as many bytes of files as were recorded."""
    kept = data.archive(archive)
    return kept is not None and kept.content_bytes == recorded_bytes
