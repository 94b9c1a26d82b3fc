"""Members of requests that operations/cleanrooms/collaborations.py answers."""

from __future__ import annotations

from contract.api.members.effects import Echo, Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Echo("A label of the resource, kept and shown to those who see it."),
        "creatorDisplayName",
        "members[].displayName",
    ),
    *rows(
        "cleanrooms",
        Seen("test_every_named_account_is_a_member_from_the_invitation_on"),
        "members[].accountId",
    ),
    *rows(
        "cleanrooms",
        Seen("test_only_the_member_who_can_query_starts_one"),
        "creatorMemberAbilities",
        "members[].memberAbilities",
    ),
    *rows(
        "cleanrooms",
        Seen("test_the_receiver_needs_the_ability_and_a_place"),
        "creatorMLMemberAbilities.customMLMemberAbilities",
        "members[].mlMemberAbilities.customMLMemberAbilities",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_whoever_the_creator_configured_pays_and_nobody_else",
            "test_who_is_to_pay_for_what_is_answered_as_it_was_given",
        ),
        "creatorPaymentConfiguration.machineLearning.modelInference.isResponsible",
        "creatorPaymentConfiguration.machineLearning.modelTraining.isResponsible",
        "creatorPaymentConfiguration.machineLearning.syntheticDataGeneration.isResponsible",
        "creatorPaymentConfiguration.queryCompute.isResponsible",
        "members[].paymentConfiguration.machineLearning.modelInference.isResponsible",
        "members[].paymentConfiguration.machineLearning.modelTraining.isResponsible",
        "members[].paymentConfiguration.machineLearning.syntheticDataGeneration.isResponsible",
        "members[].paymentConfiguration.queryCompute.isResponsible",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_jobs_need_a_payer_where_their_runner_pays_nothing",
            "test_who_is_to_pay_for_what_is_answered_as_it_was_given",
        ),
        "creatorPaymentConfiguration.jobCompute.isResponsible",
        "members[].paymentConfiguration.jobCompute.isResponsible",
    ),
    *rows(
        "cleanrooms",
        Echo("A label of the resource, kept and shown to those who see it."),
        "name",
        of=("CreateCollaboration",),
    ),
    *rows(
        "cleanrooms",
        Echo("Clients of C3R encrypt by it before they share a table; nothing is checked here (limits.md)."),
        "dataEncryptionMetadata.allowCleartext",
        "dataEncryptionMetadata.allowDuplicates",
        "dataEncryptionMetadata.allowJoinsOnColumnsWithDifferentNames",
        "dataEncryptionMetadata.preserveNulls",
    ),
    *rows(
        "cleanrooms",
        Refused("test_an_incoherent_collaboration_is_refused"),
        "analyticsEngine",
    ),
    *rows(
        "cleanrooms",
        Refused("test_changes_cannot_be_approved_beforehand_where_there_are_none"),
        "autoApprovedChangeRequestTypes",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_query_is_refused_whose_results_would_leave_the_allowed_regions"),
        "allowedResultRegions",
    ),
    *rows(
        "cleanrooms",
        Seen("test_only_the_creator_removes_members_and_never_itself"),
        "accountId",
    ),
    *rows(
        "cleanrooms",
        Seen("test_the_list_holds_what_one_is_invited_to_or_active_in"),
        "memberStatus",
    ),
    *rows(
        "cleanrooms",
        Seen("test_the_creator_renames_the_collaboration_and_nobody_else_does"),
        "name",
        of=("UpdateCollaboration",),
    ),
)
