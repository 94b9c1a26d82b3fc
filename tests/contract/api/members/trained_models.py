"""Members of requests that operations/cleanrooms_ml/trained_models.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms-ml",
        Seen("test_cancel_and_delete_without_a_version_mean_the_base"),
        "versionIdentifier",
        of=(
            "CancelTrainedModel",
            "DeleteTrainedModelOutput",
        ),
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_run_is_described_whole", "test_its_trainer_reads_a_model_as_it_was_asked_for"),
        "hyperparameters",
        "resourceConfig.volumeSizeInGB",
        "stoppingCondition.maxRuntimeInSeconds",
    ),
    *rows(
        "cleanrooms-ml",
        Seen(
            "test_an_incremental_channel_without_a_version_takes_the_latest_active",
            "test_a_channel_is_shared_out_as_it_was_asked_for_and_goes_on_from_the_version_that_was_named",
        ),
        "incrementalTrainingDataChannels[].trainedModelArn",
        "incrementalTrainingDataChannels[].versionIdentifier",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_the_incremental_channels_name_is_one_of_the_jobs"),
        "incrementalTrainingDataChannels[].channelName",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_channel_must_be_the_callers_and_active"),
        "dataChannels[].mlInputChannelArn",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_channel_names_are_unique_in_a_training"),
        "dataChannels[].channelName",
    ),
    *rows(
        "cleanrooms-ml",
        Seen(
            "test_a_sharded_channel_with_a_file_for_every_instance_is_mounted_as_it_is",
            "test_a_channel_is_shared_out_as_it_was_asked_for_and_goes_on_from_the_version_that_was_named",
        ),
        "dataChannels[].s3DataDistributionType",
    ),
    *rows(
        "cleanrooms-ml",
        Seen(
            "test_channels_are_described_as_sagemaker_does",
            "test_a_channel_is_shared_out_as_it_was_asked_for_and_goes_on_from_the_version_that_was_named",
        ),
        "trainingInputMode",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_member_that_does_not_pay_for_training_cannot_be_named"),
        "mlModelTrainingPayerAccountId",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_get_without_a_version_answers_the_latest_and_null_the_base"),
        "versionIdentifier",
        of=(
            "GetCollaborationTrainedModel",
            "GetTrainedModel",
        ),
    ),
)
