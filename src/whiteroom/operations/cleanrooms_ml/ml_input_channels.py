"""MLInputChannel: rows that a query makes for one algorithm. No member ever sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from whiteroom.base.arns import cleanrooms_ml_arn
from whiteroom.base.faults import Conflict, ValidationFault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.query_compute import compute_is_sound
from whiteroom.domain.execution.synthetic_data import configuration
from whiteroom.domain.privacy.policies import GB
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate
from whiteroom.domain.resources.channel_queries import names_one_query
from whiteroom.domain.resources.collaborations import Ability, Cost
from whiteroom.domain.resources.dependants import LIVE_CHANNELS, READING_INFERENCE_JOBS, READING_MODELS
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.ml_input_channels import LIFECYCLE, MLInputChannel
from whiteroom.domain.resources.protected_queries import ProtectedQuery, ProtectedQueryStatus, query_arn
from whiteroom.domain.resources.quotas import Quota
from whiteroom.operations.access import (
    active_membership,
    checked_tags,
    key_note,
    permit,
    require_ability,
    require_own_role,
    within_quota,
    within_storage,
    working_membership,
)
from whiteroom.operations.access_budgets import channel_budgets, named_associations, spend
from whiteroom.operations.analysis_logs import log_query, log_refused_query
from whiteroom.operations.answers import status_details, transition, unique
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import (
    CHANNEL,
    of_collaboration,
    paying_account,
    working_association,
)
from whiteroom.operations.plain_resources import (
    IN_COLLABORATION,
    IN_OWN_MEMBERSHIP,
    Place,
    PlainResource,
    by_arn,
    none_in,
)
from whiteroom.operations.query_templates import template_of
from whiteroom.operations.registry import CLEANROOMS_ML, Request, Response, operation


@operation(CLEANROOMS_ML, "CreateMLInputChannel", on_refusal=log_refused_query)
def create_ml_input_channel(request: Request, context: Context) -> Response:
    """Record a channel and the protected query that fills it. The SQL is parsed where it runs, not here."""
    membership = working_membership(context, request["membershipIdentifier"])
    require_ability(context, membership, Ability.CAN_QUERY)
    (association_arn,) = request["configuredModelAlgorithmAssociations"]
    association = working_association(context, association_arn, membership.collaboration_id)
    require_own_role(context, request["inputChannel"]["roleArn"])
    source, template = _query_source(context, membership, request)
    synthetic = None if template is None else template.synthetic_data_parameters
    payers = _payers(context, membership, request.get("payerConfiguration", {}), synthetic=synthetic is not None)
    tags = checked_tags(request.get("tags"))
    repository = context.tx.ml_input_channels
    quota = Quota.ACTIVE_CHANNELS_PER_MEMBERSHIP
    within_quota(context, quota, repository, LIVE_CHANNELS, membership_id=membership.id)
    within_storage(context, membership)
    record_id, query_id = context.new_id(), context.new_id()
    resource = f"membership/{membership.id}/{CHANNEL}/{record_id}"
    channel = MLInputChannel(
        id=record_id,
        arn=cleanrooms_ml_arn(membership.region, membership.account_id, resource),
        membership_id=membership.id,
        collaboration_id=membership.collaboration_id,
        account_id=membership.account_id,
        name=request["name"],
        description=request.get("description"),
        association_arn=association.arn,
        input_channel=request["inputChannel"],
        retention_in_days=request["retentionInDays"],
        payer_configuration=payers,
        synthetic_data_parameters=synthetic,
        synthesis=None,
        kms_key_arn=request.get("kmsKeyArn"),
        protected_query_id=query_id,
        source_associations=(),
        judgement=None,
        number_of_records=None,
        number_of_files=None,
        size_bytes=None,
        expires_at=None,
        status=LIFECYCLE.initial,
        status_code=None,
        status_message=None,
        revision=0,
        created_at=context.now,
        updated_at=context.now,
    )
    with unique("a live ML input channel of this membership", channel.name):
        repository.submit(channel, actor=context.caller, reason=key_note(request, context))
    query = context.tx.protected_queries.add(_query(context, membership, channel, source, template))
    log_query(context, query, template, channel)
    context.tx.tags.put(channel.arn, tags)
    return {"mlInputChannelArn": channel.arn}


@operation(CLEANROOMS_ML, "DeleteMLInputChannelData")
def delete_ml_input_channel_data(request: Request, context: Context) -> Response:
    """Erase a channel's rows, at the wish of any active member; what is known about them stays."""
    membership = active_membership(context, request["membershipIdentifier"])
    repository = context.tx.ml_input_channels
    channel = of_collaboration(repository, request["mlInputChannelArn"], CHANNEL, membership.collaboration_id)
    for user in _readers(context, channel):
        raise Conflict(f"The ML input channel {channel.name} is read by {user}. Cancel that, or wait for its end.")
    transition(context, repository, LIFECYCLE, channel, Event.DELETE)
    return None


def _query_source(
    context: Context, membership: Membership, request: Request
) -> tuple[Mapping[str, Any], AnalysisTemplate | None]:
    source: Mapping[str, Any] | None = request["inputChannel"]["dataSource"].get("protectedQueryInputParameters")
    if source is None:
        raise ValidationFault("inputChannel.dataSource must have protectedQueryInputParameters.")
    permit(names_one_query(source["sqlParameters"]), ValidationFault)
    permit(compute_is_sound(source.get("computeConfiguration")), ValidationFault)
    return source, template_of(context, source["sqlParameters"], membership.collaboration_id)


def _payers(
    context: Context, membership: Membership, named: Mapping[str, str], *, synthetic: bool
) -> Mapping[str, str]:
    """Who pays for the query, and for synthetic data where it is made or a payer of it is named."""
    compute = named.get("computePayerAccountId")
    payers = {"computePayerAccountId": paying_account(context, membership, Cost.QUERY_COMPUTE, compute)}
    payer = named.get("syntheticDataPayerAccountId")
    if synthetic or payer is not None:
        cost = Cost.SYNTHETIC_DATA_GENERATION
        payers["syntheticDataPayerAccountId"] = paying_account(context, membership, cost, payer)
    return payers


def _query(
    context: Context,
    membership: Membership,
    channel: MLInputChannel,
    source: Mapping[str, Any],
    template: AnalysisTemplate | None,
) -> ProtectedQuery:
    """The channel's query; the access budgets of the tables that it names are reduced."""
    named = named_associations(context, membership.collaboration_id, source["sqlParameters"], template)
    return ProtectedQuery(
        id=channel.protected_query_id,
        arn=query_arn(membership.arn, channel.protected_query_id),
        membership_id=membership.id,
        membership_arn=membership.arn,
        collaboration_id=membership.collaboration_id,
        account_id=membership.account_id,
        ml_input_channel_arn=channel.arn,
        sql_parameters=source["sqlParameters"],
        result_configuration=None,
        result_format=None,
        single_file=False,
        receivers=(),
        compute_configuration=source.get("computeConfiguration"),
        payer_account_id=channel.payer_configuration["computePayerAccountId"],
        named_associations=named,
        charged_associations=spend(context, named),
        read_associations=(),
        deliveries=(),
        status=ProtectedQueryStatus.SUBMITTED,
        status_code=None,
        status_message=None,
        revision=0,
        started_at=None,
        created_at=channel.created_at,
        updated_at=channel.created_at,
    )


def _readers(context: Context, channel: MLInputChannel) -> Iterator[str]:
    for status in READING_MODELS:
        for model in context.tx.trained_models.all(membership_id=channel.membership_id, status=status):
            if any(read["mlInputChannelArn"] == channel.arn for read in model.data_channels):
                yield f"the training of {model.name} ({model.arn}, version {model.version_identifier}, {status.value})"
    for status in READING_INFERENCE_JOBS:
        job = context.tx.trained_model_inference_jobs.find(ml_input_channel_arn=channel.arn, status=status)
        if job is not None:
            yield f"the inference job {job.name} ({job.arn}, {status.value})"


def _summary(_: Context, place: Place, channel: MLInputChannel) -> Mapping[str, Any]:
    own = {"protectedQueryIdentifier": channel.protected_query_id}
    return {
        "createTime": channel.created_at,
        "updateTime": channel.updated_at,
        "membershipIdentifier": channel.membership_id,
        "collaborationIdentifier": channel.collaboration_id,
        "mlInputChannelArn": channel.arn,
        "name": channel.name,
        "description": channel.description,
        "configuredModelAlgorithmAssociations": [channel.association_arn],
        "status": channel.status,
        "payerConfiguration": channel.payer_configuration or None,
        **(own if place.membership else {"creatorAccountId": channel.account_id}),
    }


def _shared_document(context: Context, place: Place, channel: MLInputChannel) -> Mapping[str, Any]:
    own = channel.account_id == context.caller.account_id
    return {
        **_summary(context, place, channel),
        "statusDetails": status_details(channel.status_code, channel.status_message, own=own),
        "retentionInDays": channel.retention_in_days,
        "numberOfRecords": channel.number_of_records,
        "privacyBudgets": channel_budgets(context, channel),
        "syntheticDataConfiguration": configuration(channel.synthetic_data_parameters, channel.synthesis),
    }


def _document(context: Context, place: Place, channel: MLInputChannel) -> Mapping[str, Any]:
    return {
        **_shared_document(context, place, channel),
        "inputChannel": channel.input_channel,
        "numberOfFiles": None if channel.number_of_files is None else float(channel.number_of_files),
        "sizeInGb": None if channel.size_bytes is None else channel.size_bytes / GB,
        "kmsKeyArn": channel.kms_key_arn,
        "tags": context.tx.tags.get(channel.arn) or None,
    }


_CHANNELS = PlainResource(
    service=CLEANROOMS_ML,
    module=__name__,
    records=lambda tx: tx.ml_input_channels,
    where=IN_OWN_MEMBERSHIP,
    named_by="mlInputChannelArn",
    find=by_arn,
    missing=none_in(CHANNEL),
)
_CHANNELS.get("GetMLInputChannel", "The whole channel, for the membership that made it.", _document)
_CHANNELS.list("ListMLInputChannels", "Those that the membership made.", _summary, key="mlInputChannelsList")

_SHARED_CHANNELS = replace(_CHANNELS, where=IN_COLLABORATION)
_SHARED_CHANNELS.get(
    "GetCollaborationMLInputChannel",
    "What every member may know of a channel: not its query, nor its size on disk.",
    _shared_document,
)
_SHARED_CHANNELS.list(
    "ListCollaborationMLInputChannels",
    "Those of every member.",
    _summary,
    key="collaborationMLInputChannelsList",
)
