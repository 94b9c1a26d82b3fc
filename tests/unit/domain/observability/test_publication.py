from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from whiteroom.domain.observability.publication import (
    NOTHING_TO_SAY,
    Publication,
    logs_publication,
    metrics_publication,
    notice_of_unread_runs,
)
from whiteroom.domain.privacy.policies import PrivacyPolicies
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.redaction import personal
from whiteroom.redaction.finder import PatternFinder

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALICE, BOB = "111111111111", "222222222222"
PRIVACY = {"policies": {"trainedModels": {"containerLogs": [{"allowedAccountIds": [ALICE]}]}}}
ASSOCIATION = ConfiguredModelAlgorithmAssociation("a", "arn", "m", "c", BOB, "cma", "n", None, PRIVACY, NOON, NOON)
CONFIGURATION = MLConfiguration("m", ALICE, "role", None, NOON, NOON)
RECORDED = Publication("PUBLISH_SUCCEEDED", None)


def test_who_will_read_nothing_of_a_run_is_named_beforehand() -> None:
    policies = PrivacyPolicies.parse(PRIVACY).training_logs
    carol, dave = "333333333333", "444444444444"
    assert notice_of_unread_runs((BOB, ALICE, carol), policies, {ALICE, BOB}) == ""
    assert notice_of_unread_runs((carol, ALICE, dave), policies, {ALICE}).startswith(
        f"Account {carol} has no ML configuration: where that is so when the run starts, its logs and metrics"
    )
    assert notice_of_unread_runs((carol, ALICE, dave), policies, ()).startswith(f"Accounts {carol}, {ALICE} have no ML")


def told(account_id: str = ALICE, **changes: Any) -> Publication:
    values: dict[str, Any] = {
        "recorded": RECORDED,
        "run_started_at": NOON,
        "association": ASSOCIATION,
        "policies": PrivacyPolicies.parse(PRIVACY).training_logs,
        "configuration": CONFIGURATION,
    }
    return logs_publication(account_id, **{**values, **changes})


def test_a_member_who_is_listed_and_configured_is_told_what_was_recorded() -> None:
    assert told() == RECORDED


def test_before_the_run_there_is_nothing_to_say() -> None:
    assert told(run_started_at=None) == NOTHING_TO_SAY


def test_a_member_who_is_not_listed_is_told_so_and_no_status() -> None:
    publication = told(BOB)
    assert publication.status is None
    assert publication.details is not None
    assert "not in allowedAccountIds" in publication.details


def test_without_a_policy_every_member_is_told_so() -> None:
    for association in (None, replace(ASSOCIATION, privacy_configuration=None)):
        publication = told(association=association, policies=())
        assert publication.status is None
        assert "no privacy configuration" in (publication.details or "")


def test_a_member_without_a_configuration_when_the_run_began_failed_to_receive() -> None:
    late = replace(CONFIGURATION, created_at=NOON + timedelta(seconds=1))
    for configuration in (None, late):
        publication = told(configuration=configuration)
        assert publication.status == "PUBLISH_FAILED"
        assert (publication.details or "").startswith("Failed to publish logs as no ML Config role is set")


def test_a_member_of_error_summaries_alone_is_told_when_there_is_one() -> None:
    log = {"allowedAccountIds": [ALICE], "logType": "ERROR_SUMMARY"}
    policies = PrivacyPolicies.parse({"policies": {"trainedModels": {"containerLogs": [log]}}}).training_logs
    publication = told(policies=policies)
    assert publication.status == "PUBLISH_SUCCEEDED"
    assert "error summaries alone" in (publication.details or "")


def test_what_cannot_be_masked_is_said_not_to_be_published(monkeypatch: pytest.MonkeyPatch) -> None:
    log = {
        "allowedAccountIds": [ALICE],
        "logRedactionConfiguration": {"entitiesToRedact": ["ALL_PERSONALLY_IDENTIFIABLE_INFORMATION"]},
    }
    policies = PrivacyPolicies.parse({"policies": {"trainedModels": {"containerLogs": [log]}}}).training_logs
    assert told(policies=policies, finder=PatternFinder()) == RECORDED
    monkeypatch.setattr(personal, "is_installed", lambda: False)
    publication = told(policies=policies, finder=PatternFinder())
    assert publication.status == "PUBLISH_FAILED"
    assert "pip install 'whiteroom[pii]'" in (publication.details or "")


def test_metrics_reach_every_member_who_had_a_configuration_when_the_run_began() -> None:
    recorded = Publication("PUBLISH_SUCCEEDED", "One metric is no longer read.")
    assert metrics_publication(recorded, NOON, CONFIGURATION) == recorded
    assert metrics_publication(recorded, None, CONFIGURATION) == NOTHING_TO_SAY
    late = replace(CONFIGURATION, created_at=NOON + timedelta(seconds=1))
    for configuration in (None, late):
        publication = metrics_publication(recorded, NOON, configuration)
        assert publication.status == "PUBLISH_FAILED"
        assert (publication.details or "").startswith("Failed to publish metrics as no ML Config role is set")
