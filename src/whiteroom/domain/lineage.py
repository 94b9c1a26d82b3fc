"""Which algorithms rows, and models made of rows, may reach.

A channel is made for one association, under the rules of the tables that its query read. A
table that its owner takes out of the room, by deleting its association or by leaving, takes
its rows along ("The removed member's data is inaccessible to active members", DeleteMember):
what has been trained stays, nothing new is made of them.

Another association sees a channel's rows only where every one of those tables allows it too.
A model carries what it learnt: it goes to another association under the same rule for all the
rows it was made of, and under its provider's own policy, since an image that reads a model
can write it into its output.
"""

from __future__ import annotations

from collections.abc import Sequence

from whiteroom.domain.analysis_rules import may_reach
from whiteroom.domain.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.ml_input_channels import MLInputChannel
from whiteroom.domain.privacy import FileType, PrivacyPolicies, exportable_files
from whiteroom.domain.queries import QueryTable
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


def rows_may_reach(association_arn: str, channel: MLInputChannel, tables: Sequence[QueryTable]) -> Verdict:
    """Whether an association's algorithm may read a channel.

    Args:
        association_arn: the association that is to read.
        channel: whose rows.
        tables: those of `channel.source_associations` that still exist, with their rules as they are now.
    """
    if len(tables) != len(channel.source_associations):
        return Denied(
            f"A table that the channel {channel.name} was made from is no longer associated with the collaboration: "
            "its owner has withdrawn it, so its rows are not used any more. Call DeleteMLInputChannelData, and make a "
            "channel of the tables that are left."
        )
    if association_arn == channel.association_arn:
        return ALLOWED
    advice = (
        f"The channel {channel.name} was made for {channel.association_arn}. Make a channel for {association_arn}, "
        "or use the association that it was made for."
    )
    if not tables:
        return Denied(advice)
    source = channel.input_channel["dataSource"]["protectedQueryInputParameters"]["sqlParameters"]
    verdict = may_reach(
        tables,
        querier_account_id=channel.account_id,
        receiver_account_ids=(),
        algorithm_association_arn=association_arn,
        template_arn=source.get("analysisTemplateArn") or None,
    )
    return ALLOWED if verdict else Denied(f"{verdict.reason} {advice}")


def model_may_reach(
    target: ConfiguredModelAlgorithmAssociation,
    model_name: str,
    model_association_arn: str,
    model_association: ConfiguredModelAlgorithmAssociation | None,
) -> Verdict:
    """Whether an association's algorithm may read a model that another one's trained, as far as its provider cares."""
    if target.arn == model_association_arn:
        return ALLOWED
    if model_association is not None:
        if model_association.account_id == target.account_id:
            return ALLOWED
        if FileType.MODEL in exportable_files(PrivacyPolicies.parse(model_association.privacy_configuration)):
            return ALLOWED
    return Denied(
        f"The model {model_name} was trained with {model_association_arn}, whose privacy configuration does not let "
        f"the model leave; {target.arn} belongs to another provider and would see it. Use an association of the same "
        "provider."
    )
