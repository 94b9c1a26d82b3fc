"""The privacy policy of an algorithm's association: what may leave, how large it may be, and who sees logs.

The policy is the model provider's; data owners approve it by allowing the association. A
missing policy means: nobody gets logs, nothing is exported, metrics carry no noise, sizes
are limited by the server alone (docs/sources.md, Where AWS is silent). All the same for a section
that is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

GB = 10**9
"""Bytes in the "GB" of the service model, its only unit (docs/sources.md, Where AWS is silent)."""


class FileType(StrEnum):
    """What an export may contain (TrainedModelExportFileType)."""

    MODEL = "MODEL"
    """model.tar.gz, of /opt/ml/model."""
    OUTPUT = "OUTPUT"
    """output.tar.gz, of /opt/ml/output/data."""


class NoiseLevel(StrEnum):
    """How much noise custom metrics carry (NoiseLevelType)."""

    HIGH = "HIGH"
    """The most."""
    MEDIUM = "MEDIUM"
    """Less."""
    LOW = "LOW"
    """The least."""
    NONE = "NONE"
    """No noise: values as they were measured."""


class LogType(StrEnum):
    """What of a log is published (LogType)."""

    ALL = "ALL"
    """Every line, masked where the policy says so."""
    ERROR_SUMMARY = "ERROR_SUMMARY"
    """The lines around a failure alone."""


class Entity(StrEnum):
    """What is masked in logs and error messages (EntityType)."""

    PERSONAL = "ALL_PERSONALLY_IDENTIFIABLE_INFORMATION"
    """Names, addresses, numbers of documents and the like."""
    NUMBERS = "NUMBERS"
    """Every number."""
    CUSTOM = "CUSTOM"
    """What the policy's own patterns match."""


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """Who receives which lines of a container's log (LogsConfigurationPolicy)."""

    allowed_account_ids: tuple[str, ...]
    filter_pattern: str | None
    log_type: LogType
    redacted_entities: tuple[Entity, ...]
    custom_data_identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportPolicy:
    """What an export may contain, and how large it may be (TrainedModelExportsConfigurationPolicy)."""

    max_bytes: int
    files: tuple[FileType, ...]


@dataclass(frozen=True, slots=True)
class PrivacyPolicies:
    """A whole policy. A limit that is None was not set: the server's own limits hold."""

    training_logs: tuple[LogPolicy, ...]
    noise_level: NoiseLevel
    max_artifact_bytes: int | None
    exports: ExportPolicy | None
    """None: nothing may be exported."""
    inference_logs: tuple[LogPolicy, ...]
    max_output_bytes: int | None

    @property
    def log_policies(self) -> tuple[LogPolicy, ...]:
        """Those of trainings and of inference jobs."""
        return self.training_logs + self.inference_logs

    @classmethod
    def parse(cls, configuration: Mapping[str, Any] | None) -> PrivacyPolicies:
        """Read a PrivacyConfiguration that has passed the service model's validation; None is the strictest."""
        policies = (configuration or {}).get("policies", {})
        training = policies.get("trainedModels", {})
        exports = policies.get("trainedModelExports")
        inference = policies.get("trainedModelInferenceJobs", {})
        return cls(
            training_logs=tuple(map(_log_policy, training.get("containerLogs", ()))),
            noise_level=NoiseLevel(training.get("containerMetrics", {}).get("noiseLevel", NoiseLevel.NONE)),
            max_artifact_bytes=_bytes(training.get("maxArtifactSize")),
            exports=None if exports is None else _export_policy(exports),
            inference_logs=tuple(map(_log_policy, inference.get("containerLogs", ()))),
            max_output_bytes=_bytes(inference.get("maxOutputSize")),
        )


def artefact_within_limit(size_bytes: int, policies: PrivacyPolicies, volume_bytes: int) -> Verdict:
    """Whether a training may keep artefacts of `size_bytes`, model and output together. The limit itself is allowed.

    Args:
        size_bytes: sparse files count at their full length.
        policies: of the training's algorithm.
        volume_bytes: what all instances could write together: the server's own limit.
    """
    verdict = _within(size_bytes, policies.max_artifact_bytes, "The artefacts are", "maxArtifactSize")
    if not verdict or size_bytes <= volume_bytes:
        return verdict
    return Denied(
        f"The artefacts are {size_bytes:,} bytes, sparse files at their full length; the volumes of all instances "
        f"hold {volume_bytes:,}. Write files without holes."
    )


def archives_within_limit(archive_bytes: int, policies: PrivacyPolicies) -> Verdict:
    """Whether a training may keep archives that are so large, names included. The limit itself is allowed."""
    return _within(archive_bytes, policies.max_artifact_bytes, "The archives of the artefacts are", "maxArtifactSize")


def output_within_limit(size_bytes: int, policies: PrivacyPolicies) -> Verdict:
    """Whether an inference job may deliver `size_bytes`. The limit itself is allowed."""
    return _within(size_bytes, policies.max_output_bytes, "The inference output is", "maxOutputSize")


def export_within_limit(size_bytes: int, archive_bytes: int, policies: PrivacyPolicies) -> Verdict:
    """Whether artefacts of `size_bytes` may leave, packed into archives of `archive_bytes`.

    Both are held to the limit, which itself is allowed: files that pack well are large where they are unpacked, and
    archives hold names, in which a program can say as much as in files.

    Source: TrainedModelExportsMaxSize ("If the ... dataset is larger than this value, it will not be exported").
    """
    if policies.exports is None:
        return _NO_EXPORT
    limit_bytes, name = policies.exports.max_bytes, "trainedModelExports.maxSize"
    verdict = _within(size_bytes, limit_bytes, "The exported files are", name)
    return verdict and _within(archive_bytes, limit_bytes, "The exported archives are", name)


def may_export(policies: PrivacyPolicies) -> Verdict:
    """Whether anything of a trained model may be exported at all."""
    return ALLOWED if exportable_files(policies) else _NO_EXPORT


def exportable_files(policies: PrivacyPolicies) -> tuple[FileType, ...]:
    """What an export contains; empty where the policy allows none."""
    return () if policies.exports is None else policies.exports.files


def log_policies_for(account_id: str, policies: Iterable[LogPolicy]) -> tuple[LogPolicy, ...]:
    """The policies under which an account receives logs; empty: it receives none."""
    return tuple(policy for policy in policies if account_id in policy.allowed_account_ids)


def policy_is_sound(
    configuration: Mapping[str, Any], member_account_ids: Iterable[str], fault_of: Callable[[str], str | None]
) -> Verdict:
    """Whether a PrivacyConfiguration holds together, beyond what the service model says.

    Args:
        configuration: as the request gave it.
        member_account_ids: the accounts that are in the collaboration, or invited to it.
        fault_of: what is wrong with a regular expression, None where it compiles.
    """
    members = frozenset(member_account_ids)
    for place, policy in _log_policies(configuration):
        strangers = [account for account in policy["allowedAccountIds"] if account not in members]
        if strangers:
            return Denied(
                f"{place}.allowedAccountIds names {', '.join(strangers)}, which is no member of the collaboration. "
                "Name members only."
            )
        redaction = policy.get("logRedactionConfiguration", {})
        custom = redaction.get("customEntityConfig")
        if (Entity.CUSTOM in redaction.get("entitiesToRedact", ())) != (custom is not None):
            return Denied(
                f"{place}.logRedactionConfiguration must have both the entity CUSTOM and a customEntityConfig, "
                "or neither of them."
            )
        patterns = list((custom or {}).get("customDataIdentifiers", ()))
        if policy.get("filterPattern"):
            patterns.append(policy["filterPattern"])
        for pattern in patterns:
            fault = fault_of(pattern)
            if fault is not None:
                return Denied(f"{place} has the regular expression {pattern!r}, which does not compile: {fault}.")
    return ALLOWED


_NO_EXPORT = Denied(
    "The privacy configuration of the model's configured model algorithm association allows no export. Use the model "
    "here, by inference jobs. What may leave is its provider's decision, in policies.trainedModelExports "
    "(filesToExport and maxSize) of the association that a model is trained with."
)


def _log_policies(configuration: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for section in ("trainedModels", "trainedModelInferenceJobs"):
        for index, policy in enumerate(configuration["policies"].get(section, {}).get("containerLogs", ())):
            yield f"privacyConfiguration.policies.{section}.containerLogs[{index}]", policy


def _within(size_bytes: int, limit_bytes: int | None, what: str, limit: str) -> Verdict:
    if limit_bytes is None or size_bytes <= limit_bytes:
        return ALLOWED
    return Denied(f"{what} {size_bytes:,} bytes; the policy's {limit} allows {limit_bytes:,}.")


def _bytes(size: Mapping[str, Any] | None) -> int | None:
    # Rounded: 0.29 GB is 290,000,000 bytes, and not one less because binary fractions cannot hold 0.29.
    return None if size is None else round(size["value"] * GB)


def _export_policy(exports: Mapping[str, Any]) -> ExportPolicy:
    asked = frozenset(exports["filesToExport"])
    return ExportPolicy(round(exports["maxSize"]["value"] * GB), tuple(kind for kind in FileType if kind in asked))


def _log_policy(policy: Mapping[str, Any]) -> LogPolicy:
    redaction = policy.get("logRedactionConfiguration", {})
    return LogPolicy(
        allowed_account_ids=tuple(policy["allowedAccountIds"]),
        filter_pattern=policy.get("filterPattern") or None,
        log_type=LogType(policy.get("logType", LogType.ALL)),
        redacted_entities=tuple(map(Entity, redaction.get("entitiesToRedact", ()))),
        custom_data_identifiers=tuple(redaction.get("customEntityConfig", {}).get("customDataIdentifiers", ())),
    )
