"""TrainedModel: one training on the rows of channels, its reading, its cancelling, its deletion.

Versions: domain/resources/versions.py decides which one a request means; their list is in trained_model_versions.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from whiteroom.base.arns import cleanrooms_ml_arn
from whiteroom.base.faults import Conflict, ValidationFault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import InputMode
from whiteroom.domain.observability.metric_views import MetricRules, is_over, publication_of
from whiteroom.domain.observability.publication import (
    Publication,
    Published,
    logs_publication,
    metrics_publication,
    published_failure_message,
    without_reason,
)
from whiteroom.domain.privacy.policies import PrivacyPolicies
from whiteroom.domain.resources.collaborations import Ability, Cost
from whiteroom.domain.resources.dependants import READING_EXPORT_JOBS, READING_INFERENCE_JOBS, READING_MODELS
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.quotas import Quota
from whiteroom.domain.resources.trained_models import BASE_VERSION, LIFECYCLE, TrainedModel, TrainedModelSummary
from whiteroom.domain.resources.trainings import can_train, channels_are_sound
from whiteroom.domain.resources.versions import Omitted
from whiteroom.operations.access import (
    active_membership,
    checked_tags,
    joined_collaboration,
    key_note,
    own_membership,
    permit,
    require_ability,
    within_quota,
    within_storage,
    working_membership,
)
from whiteroom.operations.access_budgets import spend_channels
from whiteroom.operations.analysis_logs import log_job, log_refused_job
from whiteroom.operations.answers import paged_as, status_details, transition, unique
from whiteroom.operations.cleanrooms_ml.unread_runs import unread
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import (
    MODEL,
    algorithm_of,
    association_or_none,
    caller_membership_id,
    model_version,
    own_model_version,
    paying_account,
    ready_channel,
    require_active,
    require_fitting_instances,
    require_model_may_reach,
    require_rows_may_reach,
    working_association,
)
from whiteroom.operations.registry import CLEANROOMS_ML, Request, Response, operation
from whiteroom.reads.current_rules import CurrentRules
from whiteroom.reads.member_runs import withheld_of


@operation(CLEANROOMS_ML, "CreateTrainedModel", on_refusal=log_refused_job)
def create_trained_model(request: Request, context: Context) -> Response:
    """Record a training: a new model, or a new version where it goes on from a model of the same membership."""
    membership = working_membership(context, request["membershipIdentifier"])
    require_ability(context, membership, Ability.CAN_QUERY)
    base = _permitted_base(request, context, membership)
    payer = request.get("mlModelTrainingPayerAccountId")
    payer = paying_account(context, membership, Cost.MODEL_TRAINING, payer)
    tags = checked_tags(request.get("tags"))
    repository = context.tx.trained_models
    quota = Quota.WORKING_TRAININGS_PER_MEMBERSHIP
    within_quota(context, quota, repository, READING_MODELS, membership_id=membership.id)
    within_storage(context, membership)
    model = _new_model(request, context, membership, base, payer)
    with unique("a live trained model of this membership", model.name):
        if model.version_identifier != BASE_VERSION:
            tags = checked_tags({**context.tx.tags.get(model.arn), **tags})
            latest = repository.find(arn=model.arn, is_latest=True)
            if latest is not None:
                repository.note(latest, actor=context.caller, at=latest.updated_at, is_latest=False)
        repository.submit(model, actor=context.caller, reason=_first_words(request, context, model))
    log_job(context, model)
    context.tx.tags.put(model.arn, tags)
    return {"trainedModelArn": model.arn, "versionIdentifier": model.version_identifier}


@operation(CLEANROOMS_ML, "GetTrainedModel")
def get_trained_model(request: Request, context: Context) -> Response:
    """The whole version, for the membership that trained it; the latest where none is named."""
    membership = own_membership(context, request["membershipIdentifier"])
    arn, identifier = request["trainedModelArn"], request.get("versionIdentifier")
    model = own_model_version(context, membership, arn, identifier, Omitted.LATEST)
    return {
        **_details(model, _published(context, model, membership.id), own=True),
        "hyperparameters": model.hyperparameters or None,
        "environment": model.environment or None,
        "kmsKeyArn": model.kms_key_arn,
        "tags": context.tx.tags.get(model.arn) or None,
        "dataChannels": model.data_channels,
    }


@operation(CLEANROOMS_ML, "ListTrainedModels")
def list_trained_models(request: Request, context: Context) -> Response:
    """The membership's models, each by its latest version."""
    membership = own_membership(context, request["membershipIdentifier"])
    repository = context.tx.trained_models
    equals = {"membership_id": membership.id, "is_latest": True}
    return paged_as(TrainedModelSummary, request, "trainedModels", repository, summary, **equals)


@operation(CLEANROOMS_ML, "GetCollaborationTrainedModel")
def get_collaboration_trained_model(request: Request, context: Context) -> Response:
    """What every member may know of a version: not its channels, settings or keys."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    arn, identifier = request["trainedModelArn"], request.get("versionIdentifier")
    model = model_version(context, arn, identifier, Omitted.LATEST, collaboration.id)
    published = Published()
    if model.run_started_at is not None:
        published = _published(context, model, caller_membership_id(context, collaboration.id))
    return {
        **_details(model, published, own=model.account_id == context.caller.account_id),
        "creatorAccountId": model.account_id,
    }


@operation(CLEANROOMS_ML, "ListCollaborationTrainedModels")
def list_collaboration_trained_models(request: Request, context: Context) -> Response:
    """Every member's models, each by its latest version."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])

    def render(model: TrainedModelSummary) -> Mapping[str, Any]:
        return {**summary(model), "creatorAccountId": model.account_id}

    key, equals = "collaborationTrainedModels", {"collaboration_id": collaboration.id, "is_latest": True}
    return paged_as(TrainedModelSummary, request, key, context.tx.trained_models, render, **equals)


@operation(CLEANROOMS_ML, "CancelTrainedModel")
def cancel_trained_model(request: Request, context: Context) -> Response:
    """Record the wish; the controller stops the run. The base version where none is named."""
    membership = active_membership(context, request["membershipIdentifier"])
    require_ability(context, membership, Ability.CAN_QUERY)
    arn, identifier = request["trainedModelArn"], request.get("versionIdentifier")
    model = own_model_version(context, membership, arn, identifier, Omitted.BASE)
    transition(context, context.tx.trained_models, LIFECYCLE, model, Event.CANCEL)
    return None


@operation(CLEANROOMS_ML, "DeleteTrainedModelOutput")
def delete_trained_model_output(request: Request, context: Context) -> Response:
    """Erase a version's artefacts, at the wish of any active member; what is known about it stays."""
    membership = active_membership(context, request["membershipIdentifier"])
    arn, identifier = request["trainedModelArn"], request.get("versionIdentifier")
    model = model_version(context, arn, identifier, Omitted.BASE, membership.collaboration_id)
    for user in _readers(context, model):
        raise Conflict(f"The trained model {model.name} is read by {user}. Cancel that first, or wait for its end.")
    transition(context, context.tx.trained_models, LIFECYCLE, model, Event.DELETE)
    return None


def _permitted_base(request: Request, context: Context, membership: Membership) -> TrainedModel | None:
    """Everything that may speak against the training; answers the version it goes on from, if any."""
    collaboration_id = membership.collaboration_id
    data, incremental = request["dataChannels"], request.get("incrementalTrainingDataChannels", ())
    association = working_association(context, request["configuredModelAlgorithmAssociationArn"], collaboration_id)
    permit(can_train(algorithm_of(context, association)), ValidationFault)
    permit(channels_are_sound(data, incremental, request.get("trainingInputMode")), ValidationFault)
    require_fitting_instances(context, request["resourceConfig"])
    channels = [ready_channel(context, membership, channel["mlInputChannelArn"]) for channel in data]
    require_rows_may_reach(context, association, channels)
    spend_channels(context, channels)
    if not incremental:
        return None
    arn, identifier = incremental[0]["trainedModelArn"], incremental[0].get("versionIdentifier")
    base = model_version(context, arn, identifier, Omitted.LATEST_ACTIVE, collaboration_id)
    require_active(base)
    require_model_may_reach(context, association, base)
    return base


def _new_model(
    request: Request, context: Context, membership: Membership, base: TrainedModel | None, payer: str
) -> TrainedModel:
    record_id = context.new_id()
    continues = base is not None and base.membership_id == membership.id
    resource = f"membership/{membership.id}/{MODEL}/{record_id}"
    return TrainedModel(
        id=record_id,
        arn=base.arn
        if base is not None and continues
        else cleanrooms_ml_arn(membership.region, membership.account_id, resource),
        version_identifier=record_id if continues else BASE_VERSION,
        is_latest=True,
        membership_id=membership.id,
        collaboration_id=membership.collaboration_id,
        account_id=membership.account_id,
        name=request["name"],
        description=request.get("description"),
        association_arn=request["configuredModelAlgorithmAssociationArn"],
        resource_config=request["resourceConfig"],
        stopping_condition=request.get("stoppingCondition"),
        hyperparameters=request.get("hyperparameters", {}),
        environment=request.get("environment", {}),
        data_channels=tuple(request["dataChannels"]),
        incremental_channels=() if base is None else (_incremental(request, base),),
        training_input_mode=request.get("trainingInputMode", InputMode.FILE.value),
        payer_account_id=payer,
        kms_key_arn=request.get("kmsKeyArn"),
        image_digest=None,
        logs_status=None,
        logs_status_details=None,
        metrics_status=None,
        metrics_status_details=None,
        model_bytes=None,
        output_bytes=None,
        partial_bytes=None,
        partial_pending=False,
        retries=0,
        retry=None,
        seconds_spent=0,
        run_started_at=None,
        run_ended_at=None,
        status=LIFECYCLE.initial,
        status_code=None,
        status_message=None,
        revision=0,
        created_at=context.now,
        updated_at=context.now,
    )


def _incremental(request: Request, base: TrainedModel) -> Mapping[str, Any]:
    return {
        "channelName": request["incrementalTrainingDataChannels"][0]["channelName"],
        "trainedModelArn": base.arn,
        "versionIdentifier": base.version_identifier,
        "modelName": base.name,
        "modelId": base.id,
    }


def _readers(context: Context, model: TrainedModel) -> Iterator[str]:
    for status in READING_EXPORT_JOBS:
        export = context.tx.trained_model_export_jobs.find(trained_model_id=model.id, status=status)
        if export is not None:
            yield f"the export job {export.name} ({status.value})"
    for status in READING_INFERENCE_JOBS:
        job = context.tx.trained_model_inference_jobs.find(trained_model_id=model.id, status=status)
        if job is not None:
            yield f"the inference job {job.name} ({job.arn}, {status.value})"
    for status in READING_MODELS:
        for training in context.tx.trained_models.all(collaboration_id=model.collaboration_id, status=status):
            if any(channel["modelId"] == model.id for channel in training.incremental_channels):
                yield f"the training of {training.name} ({training.arn}, {status.value})"


def _first_words(request: Request, context: Context, model: TrainedModel) -> str:
    """What the audit trail says of it at once."""
    association = association_or_none(context, model.association_arn)
    policies = PrivacyPolicies.parse(None if association is None else association.privacy_configuration)
    notes = (key_note(request, context), unread(context, model.collaboration_id, policies.training_logs))
    return " ".join(filter(None, notes))


def _published(context: Context, model: TrainedModel, membership_id: str | None) -> Published:
    if model.run_started_at is None:
        return Published()
    association = association_or_none(context, model.association_arn)
    privacy = None if association is None else association.privacy_configuration
    level = None if association is None else PrivacyPolicies.parse(privacy).noise_level
    rules = MetricRules(level, is_over(model.status, model.run_ended_at))
    configuration = None if membership_id is None else context.tx.ml_configurations.get(membership_id)
    withheld = withheld_of(CurrentRules(context.tx), model)
    if model.account_id != context.caller.account_id:
        withheld = without_reason(withheld)
    return Published(
        logs_publication(
            context.caller.account_id,
            Publication(model.logs_status, model.logs_status_details),
            model.run_started_at,
            association,
            () if privacy is None else PrivacyPolicies.parse(privacy).training_logs,
            configuration,
            context.deployment.finder,
            withheld,
        ),
        publication_of(
            metrics_publication(
                Publication(model.metrics_status, model.metrics_status_details),
                model.run_started_at,
                configuration,
                withheld,
            ),
            rules,
        ),
        withheld,
    )


def summary(model: TrainedModel | TrainedModelSummary) -> Mapping[str, Any]:
    """TrainedModelSummary."""
    return {
        "createTime": model.created_at,
        "updateTime": model.updated_at,
        "trainedModelArn": model.arn,
        "versionIdentifier": model.version_identifier,
        "incrementalTrainingDataChannels": _incremental_output(model),
        "name": model.name,
        "description": model.description,
        "membershipIdentifier": model.membership_id,
        "collaborationIdentifier": model.collaboration_id,
        "status": model.status,
        "configuredModelAlgorithmAssociationArn": model.association_arn,
        "mlModelTrainingPayerAccountId": model.payer_account_id,
    }


def _incremental_output(model: TrainedModel | TrainedModelSummary) -> list[Mapping[str, Any]] | None:
    shown = ("channelName", "versionIdentifier", "modelName")
    return [{name: channel[name] for name in shown} for channel in model.incremental_channels] or None


def _details(model: TrainedModel, published: Published, *, own: bool) -> Mapping[str, Any]:
    return {
        **summary(model),
        "statusDetails": status_details(
            model.status_code,
            published_failure_message(model.status_code, model.status_message, published.withheld),
            own=own,
        ),
        "resourceConfig": model.resource_config,
        "trainingInputMode": model.training_input_mode,
        "stoppingCondition": model.stopping_condition,
        "metricsStatus": published.metrics.status,
        "metricsStatusDetails": published.metrics.details,
        "logsStatus": published.logs.status,
        "logsStatusDetails": published.logs.details,
        "trainingContainerImageDigest": model.image_digest,
    }
