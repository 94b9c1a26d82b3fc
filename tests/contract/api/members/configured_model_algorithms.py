"""Members of requests that operations/cleanrooms_ml/configured_model_algorithms.py answers."""

from __future__ import annotations

from contract.api.members.effects import Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms-ml",
        Seen("test_names_are_unique_in_an_account"),
        "name",
        of=("CreateConfiguredModelAlgorithm",),
    ),
    *rows(
        "cleanrooms-ml",
        Refused("test_a_role_of_another_account_is_refused"),
        "roleArn",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_run_is_described_whole", "test_an_algorithm_is_answered_as_it_was_given"),
        "inferenceContainerConfig.imageUri",
        "trainingContainerConfig.arguments",
        "trainingContainerConfig.entrypoint",
        "trainingContainerConfig.imageUri",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_metric_is_listed_with_what_it_is_asked_for_by", "test_an_algorithm_is_answered_as_it_was_given"),
        "trainingContainerConfig.metricDefinitions[].name",
        "trainingContainerConfig.metricDefinitions[].regex",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_an_algorithm_is_answered_as_it_was_given"),
        "configuredModelAlgorithmArn",
        of=(
            "DeleteConfiguredModelAlgorithm",
            "GetConfiguredModelAlgorithm",
        ),
    ),
)
