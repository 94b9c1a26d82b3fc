"""Members of requests that operations/cleanrooms_ml/configured_model_algorithm_associations.py answers."""

from __future__ import annotations

from contract.api.members.effects import Echo, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms-ml",
        Seen("test_only_its_owner_associates_an_algorithm"),
        "configuredModelAlgorithmArn",
        of=("CreateConfiguredModelAlgorithmAssociation",),
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_names_are_unique_in_a_membership"),
        "name",
        of=("CreateConfiguredModelAlgorithmAssociation",),
    ),
    *rows(
        "cleanrooms-ml",
        Seen(
            "test_a_line_is_told_by_the_policies_that_name_the_account",
            "test_a_privacy_configuration_is_answered_as_it_was_given",
        ),
        "privacyConfiguration.policies.trainedModelInferenceJobs.containerLogs[].allowedAccountIds",
        "privacyConfiguration.policies.trainedModelInferenceJobs.containerLogs[].filterPattern",
        "privacyConfiguration.policies.trainedModelInferenceJobs.containerLogs[].logRedactionConfiguration.customEntityConfig.customDataIdentifiers",
        "privacyConfiguration.policies.trainedModelInferenceJobs.containerLogs[].logRedactionConfiguration.entitiesToRedact",
        "privacyConfiguration.policies.trainedModelInferenceJobs.containerLogs[].logType",
        "privacyConfiguration.policies.trainedModels.containerLogs[].allowedAccountIds",
        "privacyConfiguration.policies.trainedModels.containerLogs[].filterPattern",
        "privacyConfiguration.policies.trainedModels.containerLogs[].logRedactionConfiguration.customEntityConfig.customDataIdentifiers",
        "privacyConfiguration.policies.trainedModels.containerLogs[].logRedactionConfiguration.entitiesToRedact",
        "privacyConfiguration.policies.trainedModels.containerLogs[].logType",
    ),
    *rows(
        "cleanrooms-ml",
        Seen(
            "test_with_a_noise_level_custom_metrics_come_at_the_end_and_system_metrics_live",
            "test_a_privacy_configuration_is_answered_as_it_was_given",
        ),
        "privacyConfiguration.policies.trainedModels.containerMetrics.noiseLevel",
    ),
    *rows(
        "cleanrooms-ml",
        Echo("It has one value, GB."),
        "privacyConfiguration.policies.trainedModelExports.maxSize.unit",
        "privacyConfiguration.policies.trainedModelInferenceJobs.maxOutputSize.unit",
        "privacyConfiguration.policies.trainedModels.maxArtifactSize.unit",
    ),
    *rows(
        "cleanrooms-ml",
        Seen(
            "test_a_size_up_to_the_limit_is_allowed_and_one_byte_more_is_not",
            "test_a_privacy_configuration_is_answered_as_it_was_given",
        ),
        "privacyConfiguration.policies.trainedModelExports.maxSize.value",
        "privacyConfiguration.policies.trainedModelInferenceJobs.maxOutputSize.value",
        "privacyConfiguration.policies.trainedModels.maxArtifactSize.value",
    ),
    *rows(
        "cleanrooms-ml",
        Seen(
            "test_files_to_export_named_twice_are_exported_once",
            "test_a_privacy_configuration_is_answered_as_it_was_given",
        ),
        "privacyConfiguration.policies.trainedModelExports.filesToExport",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_its_owner_reads_an_association_as_it_was_given"),
        "configuredModelAlgorithmAssociationArn",
        of=(
            "DeleteConfiguredModelAlgorithmAssociation",
            "GetCollaborationConfiguredModelAlgorithmAssociation",
            "GetConfiguredModelAlgorithmAssociation",
        ),
    ),
)
