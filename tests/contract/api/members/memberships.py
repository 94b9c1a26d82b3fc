"""Members of requests that operations/cleanrooms/memberships.py answers."""

from __future__ import annotations

from contract.api.members.effects import Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen("test_nobody_joins_a_collaboration_uninvited_or_again"),
        "collaborationIdentifier",
        of=("CreateMembership",),
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_without_a_result_configuration_the_queriers_own_place_is_taken",
            "test_a_membership_is_answered_with_the_place_it_gave_for_results",
        ),
        "defaultResultConfiguration.outputConfiguration.s3.bucket",
        "defaultResultConfiguration.outputConfiguration.s3.keyPrefix",
        "defaultResultConfiguration.outputConfiguration.s3.resultFormat",
        "defaultResultConfiguration.outputConfiguration.s3.singleFileOutput",
    ),
    *rows(
        "cleanrooms",
        Refused("test_a_membership_sets_only_what_its_member_may"),
        "defaultResultConfiguration.roleArn",
    ),
    *rows(
        "cleanrooms",
        Refused("test_a_place_for_results_of_jobs_is_refused_by_its_name"),
        "defaultJobResultConfiguration.outputConfiguration.s3.bucket",
        "defaultJobResultConfiguration.outputConfiguration.s3.keyPrefix",
        "defaultJobResultConfiguration.outputConfiguration.s3.resultFormat",
        "defaultJobResultConfiguration.roleArn",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_payer_accepts_exactly_what_was_assigned", "test_a_payer_is_answered_with_what_it_accepted"),
        "paymentConfiguration.machineLearning.modelInference.isResponsible",
        "paymentConfiguration.machineLearning.modelTraining.isResponsible",
        "paymentConfiguration.machineLearning.syntheticDataGeneration.isResponsible",
        "paymentConfiguration.queryCompute.isResponsible",
    ),
    *rows(
        "cleanrooms",
        Seen("test_who_is_assigned_to_pay_for_jobs_must_accept_it"),
        "paymentConfiguration.jobCompute.isResponsible",
    ),
    *rows(
        "cleanrooms",
        Seen("test_memberships_are_listed_by_status"),
        "status",
        of=("ListMemberships",),
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_an_update_changes_what_it_names_and_keeps_the_payments",
            "test_an_update_accepts_what_was_assigned_and_nothing_else",
        ),
        "membershipPaymentConfiguration.jobCompute.isResponsible",
        "membershipPaymentConfiguration.machineLearning.modelInference.isResponsible",
        "membershipPaymentConfiguration.machineLearning.modelTraining.isResponsible",
        "membershipPaymentConfiguration.machineLearning.syntheticDataGeneration.isResponsible",
        "membershipPaymentConfiguration.queryCompute.isResponsible",
    ),
)
