"""Members of requests that operations/cleanrooms_ml/trained_model_inference_jobs.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms-ml",
        Seen("test_an_arn_that_is_off_in_any_part_names_nothing"),
        "trainedModelInferenceJobArn",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_channel_must_be_the_callers_and_active"),
        "dataSource.mlInputChannelArn",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_jobs_are_listed_by_model_and_version"),
        "trainedModelArn",
        "trainedModelVersionIdentifier",
        of=(
            "ListCollaborationTrainedModelInferenceJobs",
            "ListTrainedModelInferenceJobs",
        ),
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_transform_is_described_whole", "test_its_starter_reads_a_job_as_it_was_asked_for"),
        "containerExecutionParameters.maxPayloadInMB",
        "outputConfiguration.accept",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_member_that_does_not_pay_for_inference_cannot_be_named"),
        "mlModelInferencePayerAccountId",
    ),
)
