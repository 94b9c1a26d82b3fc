from typing import Any

import pytest

from whiteroom.domain.privacy.policies import (
    Entity,
    FileType,
    LogType,
    NoiseLevel,
    PrivacyPolicies,
    archives_within_limit,
    artefact_within_limit,
    export_within_limit,
    exportable_files,
    log_policies_for,
    may_export,
    output_within_limit,
    policy_is_sound,
)
from whiteroom.domain.verdicts import Denied

ALICE, BOB, MALLORY = "111111111111", "222222222222", "999999999999"


def a_log_policy(**changes: Any) -> dict[str, Any]:
    return {"allowedAccountIds": [ALICE], **changes}


def a_configuration(**policies: Any) -> dict[str, Any]:
    return {"policies": policies}


def gigabytes(value: float) -> dict[str, Any]:
    return {"unit": "GB", "value": value}


def no_fault(pattern: str) -> str | None:
    return None


NOTHING = PrivacyPolicies.parse(None)


def test_no_privacy_configuration_lets_nothing_out() -> None:
    assert (NOTHING.training_logs, NOTHING.inference_logs) == ((), ())
    assert NOTHING.noise_level is NoiseLevel.NONE
    assert (NOTHING.max_artifact_bytes, NOTHING.max_output_bytes) == (None, None)
    assert exportable_files(NOTHING) == ()
    assert not may_export(NOTHING)
    assert not export_within_limit(0, 0, NOTHING)


def test_a_configuration_without_sections_is_no_configuration() -> None:
    assert PrivacyPolicies.parse(a_configuration()) == NOTHING


def test_a_whole_configuration_is_read() -> None:
    policies = PrivacyPolicies.parse(
        a_configuration(
            trainedModels={
                "containerLogs": [
                    a_log_policy(
                        filterPattern="INFO.*",
                        logType="ERROR_SUMMARY",
                        logRedactionConfiguration={
                            "entitiesToRedact": ["NUMBERS", "CUSTOM"],
                            "customEntityConfig": {"customDataIdentifiers": ["id-[0-9]+"]},
                        },
                    )
                ],
                "containerMetrics": {"noiseLevel": "HIGH"},
                "maxArtifactSize": gigabytes(0.29),
            },
            trainedModelExports={"maxSize": gigabytes(0.01), "filesToExport": ["OUTPUT", "MODEL"]},
            trainedModelInferenceJobs={"containerLogs": [a_log_policy()], "maxOutputSize": gigabytes(100)},
        )
    )
    (training,) = policies.training_logs
    assert (training.allowed_account_ids, training.filter_pattern) == ((ALICE,), "INFO.*")
    assert training.log_type is LogType.ERROR_SUMMARY
    assert training.redacted_entities == (Entity.NUMBERS, Entity.CUSTOM)
    assert training.custom_data_identifiers == ("id-[0-9]+",)
    assert policies.noise_level is NoiseLevel.HIGH
    assert policies.max_artifact_bytes == 290_000_000
    assert exportable_files(policies) == (FileType.MODEL, FileType.OUTPUT)
    assert policies.inference_logs[0].log_type is LogType.ALL
    assert policies.max_output_bytes == 100_000_000_000


LIMITED = PrivacyPolicies.parse(
    a_configuration(
        trainedModels={"maxArtifactSize": gigabytes(0.01)},
        trainedModelExports={"maxSize": gigabytes(0.01), "filesToExport": ["MODEL"]},
        trainedModelInferenceJobs={"maxOutputSize": gigabytes(0.01)},
    )
)


def artefact_in_large_volumes(size_bytes: int, policies: PrivacyPolicies) -> Any:
    return artefact_within_limit(size_bytes, policies, 10**16)


def exported_files(size_bytes: int, policies: PrivacyPolicies) -> Any:
    return export_within_limit(size_bytes, 1, policies)


def exported_archives(size_bytes: int, policies: PrivacyPolicies) -> Any:
    return export_within_limit(1, size_bytes, policies)


@pytest.mark.parametrize(
    "check",
    [
        artefact_in_large_volumes,
        archives_within_limit,
        exported_files,
        exported_archives,
        output_within_limit,
    ],
)
@pytest.mark.parametrize(("size_bytes", "allowed"), [(0, True), (10_000_000, True), (10_000_001, False)])
def test_a_size_up_to_the_limit_is_allowed_and_one_byte_more_is_not(check: Any, size_bytes: int, allowed: bool) -> None:
    verdict = check(size_bytes, LIMITED)
    assert bool(verdict) is allowed
    assert allowed or "10,000,001 bytes" in verdict.reason


@pytest.mark.parametrize("check", [artefact_in_large_volumes, archives_within_limit, output_within_limit])
def test_without_a_limit_every_size_is_allowed(check: Any) -> None:
    assert check(10**15, NOTHING)


def test_without_a_policy_artefacts_are_as_large_as_the_volumes_at_most() -> None:
    assert artefact_within_limit(1_000, NOTHING, 1_000)
    refused = artefact_within_limit(1_001, NOTHING, 1_000)
    assert isinstance(refused, Denied)
    assert "1,001 bytes" in refused.reason


def test_files_to_export_named_twice_are_exported_once() -> None:
    policies = PrivacyPolicies.parse(
        a_configuration(trainedModelExports={"maxSize": gigabytes(1), "filesToExport": ["MODEL", "MODEL"]})
    )
    assert exportable_files(policies) == (FileType.MODEL,)


def test_logs_are_for_the_accounts_listed() -> None:
    policies = PrivacyPolicies.parse(a_configuration(trainedModels={"containerLogs": [a_log_policy()]})).training_logs
    assert log_policies_for(ALICE, policies) == policies
    assert log_policies_for(BOB, policies) == ()


@pytest.mark.parametrize("section", ["trainedModels", "trainedModelInferenceJobs"])
@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (a_log_policy(), None),
        (a_log_policy(allowedAccountIds=[ALICE, BOB]), None),
        (a_log_policy(allowedAccountIds=[ALICE, MALLORY]), MALLORY),
        (a_log_policy(logRedactionConfiguration={"entitiesToRedact": ["NUMBERS"]}), None),
        (a_log_policy(logRedactionConfiguration={"entitiesToRedact": ["CUSTOM"]}), "customEntityConfig"),
        (
            a_log_policy(
                logRedactionConfiguration={
                    "entitiesToRedact": ["NUMBERS"],
                    "customEntityConfig": {"customDataIdentifiers": ["x"]},
                }
            ),
            "CUSTOM",
        ),
        (
            a_log_policy(
                logRedactionConfiguration={
                    "entitiesToRedact": ["CUSTOM"],
                    "customEntityConfig": {"customDataIdentifiers": ["x", "("]},
                }
            ),
            "does not compile",
        ),
        (a_log_policy(filterPattern="("), "does not compile"),
        (a_log_policy(filterPattern=""), None),
    ],
)
def test_a_policy_that_does_not_hold_together_is_refused(section: str, policy: Any, reason: str | None) -> None:
    def fault_of(pattern: str) -> str | None:
        return "missing )" if pattern == "(" else None

    verdict = policy_is_sound(a_configuration(**{section: {"containerLogs": [policy]}}), [ALICE, BOB], fault_of)
    assert bool(verdict) is (reason is None)
    if not verdict:
        assert reason is not None
        assert reason in verdict.reason
        assert f"{section}.containerLogs[0]" in verdict.reason


def test_a_configuration_without_logs_is_sound() -> None:
    assert policy_is_sound(a_configuration(trainedModels={"maxArtifactSize": gigabytes(1)}), [], no_fault)
