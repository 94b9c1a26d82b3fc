"""Which algorithms may get rows, and models made from rows.

A channel is made for one association, under the rules of the tables that its query read, and it is judged again by
the rules of now whenever it is used: when a training, an inference job or an export is asked for, when the controller
starts it, while it goes on, and when its logs and metrics are read. A rule that its owner has narrowed or taken back, a
table that is taken out of the collaboration by deleting its association or by leaving ("The removed member's data is
inaccessible to active members", DeleteMember): nothing new is made of the rows, nothing made of them leaves, and work
on them ends.

Another association sees a channel's rows only where every one of those tables allows it too.
A model carries what it learnt: it goes to another association under the same rule for all the
rows it was made of, and under its provider's own policy, since an image that reads a model
can write it into its output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from whiteroom.domain.privacy.judgements import judge_again, judgement_in
from whiteroom.domain.privacy.policies import FileType, PrivacyPolicies, exportable_files
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


def rows_may_reach(
    association_arns: Iterable[str], channel: MLInputChannel, tables: Mapping[str, QueryTable]
) -> Verdict:
    """Whether a channel may be used now: by the algorithm that it was made for, and by these.

    Args:
        association_arns: the associations whose algorithms have had the rows, or are to have them.
        channel: whose rows.
        tables: those of `channel.source_associations` that are still shared, by those ids, with their rules of now.
    """
    judgement = judgement_in(channel.judgement)
    if judgement is None:
        return Denied(
            f"The ML input channel {channel.name} was made by an earlier release, which did not write down how its "
            "query was judged, so the rules of now cannot be asked. Make it again (CreateMLInputChannel)."
        )
    source = channel.input_channel["dataSource"]["protectedQueryInputParameters"]["sqlParameters"]
    for arn in dict.fromkeys((channel.association_arn, *association_arns)):
        verdict = judge_again(
            judgement,
            tables,
            querier_account_id=channel.account_id,
            receiver_account_ids=(),
            algorithm_association_arn=arn,
            template_arn=source.get("analysisTemplateArn") or None,
        )
        if isinstance(verdict, Denied):
            own = arn == channel.association_arn
            return Denied(f"{verdict.reason} {_withdrawn(channel) if own else _elsewhere(channel, arn)}")
    return ALLOWED


def _withdrawn(channel: MLInputChannel) -> str:
    return (
        f"So the ML input channel {channel.name} is not used any more, nor what was made of it: make a channel of what "
        "the tables' owners allow now, and call DeleteMLInputChannelData for this one."
    )


def _elsewhere(channel: MLInputChannel, association_arn: str) -> str:
    return (
        f"The channel {channel.name} was made for {channel.association_arn}. Make a channel for {association_arn}, "
        "or use the association that it was made for."
    )


def rows_of_another(model_arn: str, account_id: str) -> Denied:
    """Why a model cannot be used, for a member that has not made its channels: it reads neither them nor their query.

    Args:
        model_arn: of the version that learnt from them, which every member may read.
        account_id: who trained it.
    """
    return Denied(
        f"The model {model_arn} was made of rows that their owners do not allow for this any more. Use another model; "
        f"member {account_id}, who trained it, can see which rows they are."
    )


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
