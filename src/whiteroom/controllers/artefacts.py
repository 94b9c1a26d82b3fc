"""Packs what a training leaves as artefacts, under the policies of its algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.runs import MODEL_FOLDER, OUTPUT_FOLDER, RunOutput
from whiteroom.domain.execution.steps import Failure
from whiteroom.domain.privacy.policies import PrivacyPolicies, archives_within_limit, artefact_within_limit
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.data import ConflictingContents, Data, LeftOut, TooLarge, UnsafeContents


@dataclass(frozen=True, slots=True)
class Kept:
    """How many bytes of files were kept, and what was not."""

    model_bytes: int
    output_bytes: int
    stored_bytes: int
    """Of their archives."""
    warning: str = ""
    """What was left out, one sentence after another; the names in it are the program's."""


def keep_artefacts(
    data: Data,
    left: Sequence[RunOutput],
    targets: tuple[DataRef, DataRef],
    policies: PrivacyPolicies,
    volume_bytes: int,
    until: float = inf,
) -> Kept | Failure:
    """Archive what all instances left; safe to repeat. After a failure archives may be there, for `clean_up` to delete.

    Links become copies. No training is lost for them: where what is refused may be a copy, it is tried once more
    without any.

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
    gathering = _Gathering(data, left, targets, policies, volume_bytes, until)
    kept = gathering.keep(copies=True)
    if isinstance(kept, Kept):
        return kept
    plain = gathering.keep(copies=False)
    if isinstance(plain, Failure):
        return plain
    return replace(plain, warning=f"{plain.warning} No copies were made of links, since with them: {kept.message}")


@dataclass(frozen=True, slots=True)
class _Gathering:
    """What `keep_artefacts` was asked for."""

    data: Data
    left: Sequence[RunOutput]
    targets: tuple[DataRef, DataRef]
    policies: PrivacyPolicies
    volume_bytes: int
    until: float

    def keep(self, *, copies: bool) -> Kept | Failure:
        allowed = self.policies.max_artifact_bytes
        limit_bytes = self.volume_bytes if allowed is None else allowed
        parts = (
            ({one.host: one.model for one in self.left}, MODEL_FOLDER if copies else None),
            ({one.host: one.output for one in self.left}, OUTPUT_FOLDER if copies else None),
        )
        try:
            size_bytes = sum(self.data.measure(folders, self.until, links) for folders, links in parts)
            verdict = artefact_within_limit(size_bytes, self.policies, self.volume_bytes)
            if isinstance(verdict, Denied):
                return Failure(StatusCode.ARTIFACT_TOO_LARGE, verdict.reason)
            kept, output = (
                self.data.pack(folders, target, limit_bytes, self.until, links)
                for (folders, links), target in zip(parts, self.targets, strict=True)
            )
        except UnsafeContents as error:
            return Failure(StatusCode.UNSAFE_ARTIFACT, str(error))
        except ConflictingContents as error:
            return Failure(StatusCode.CONFLICTING_ARTIFACT, str(error))
        except TooLarge as error:
            return Failure(StatusCode.ARTIFACT_TOO_LARGE, str(error))
        archive_bytes = kept.size_bytes + output.size_bytes
        verdict = archives_within_limit(archive_bytes, self.policies)
        if isinstance(verdict, Denied):
            return Failure(StatusCode.ARTIFACT_TOO_LARGE, verdict.reason)
        return Kept(kept.content_bytes, output.content_bytes, archive_bytes, _warning(kept.left_out, output.left_out))


def _warning(model: LeftOut, output: LeftOut) -> str:
    """Says what was left out of the two archives, in no more than a few thousand characters."""
    sentences = (
        f"Left out of {folder}: {'; '.join(left.named)}{_and_more(left)}."
        for folder, left in ((MODEL_FOLDER, model), (OUTPUT_FOLDER, output))
        if left.count
    )
    return " ".join(sentences)


def _and_more(left: LeftOut) -> str:
    more = left.count - len(left.named)
    return f"; and {more:,} more" if more else ""


def is_kept(data: Data, archive: DataRef, recorded_bytes: int | None) -> bool:
    """Whether the archive that a record speaks of is there, with as many bytes of files as were recorded."""
    kept = data.archive(archive)
    return kept is not None and kept.content_bytes == recorded_bytes
