"""TrainedModelInferenceJob: a trained model put over the rows of a channel, for one receiver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from whiteroom.base.arns import cleanrooms_ml_arn
from whiteroom.base.faults import ValidationFault
from whiteroom.domain.execution.lifecycle import Event
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
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.dependants import READING_INFERENCE_JOBS
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.quotas import Quota
from whiteroom.domain.resources.trained_model_inference_jobs import LIFECYCLE, TrainedModelInferenceJob
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.domain.resources.trainings import can_infer
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
from whiteroom.operations.answers import paged, status_details, transition, unique
from whiteroom.operations.cleanrooms_ml.unread_runs import unread
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import (
    INFERENCE_JOB,
    algorithm_of,
    association_or_none,
    caller_membership_id,
    model_version,
    of_membership,
    paying_account,
    ready_channel,
    require_active,
    require_fitting_instances,
    require_model_may_reach,
    require_receiver,
    require_rows_may_reach,
    working_association,
)
from whiteroom.operations.registry import CLEANROOMS_ML, Request, Response, operation
from whiteroom.reads.current_rules import CurrentRules
from whiteroom.reads.deliveries import failure_message_for
from whiteroom.reads.member_runs import withheld_of


@operation(CLEANROOMS_ML, "StartTrainedModelInferenceJob", on_refusal=log_refused_job)
def start_trained_model_inference_job(request: Request, context: Context) -> Response:
    """Record an inference job; the latest ACTIVE version of the model where none is named."""
    membership = working_membership(context, request["membershipIdentifier"])
    require_ability(context, membership, Ability.CAN_QUERY)
    model, association = _permitted(request, context, membership)
    payer = request.get("mlModelInferencePayerAccountId")
    payer = paying_account(context, membership, Cost.MODEL_INFERENCE, payer)
    tags = checked_tags(request.get("tags"))
    repository = context.tx.trained_model_inference_jobs
    quota = Quota.WORKING_INFERENCES_PER_MEMBERSHIP
    within_quota(context, quota, repository, READING_INFERENCE_JOBS, membership_id=membership.id)
    within_storage(context, membership)
    job = _new_job(request, context, membership, model, association, payer)
    with unique("a live inference job of this membership", job.name):
        repository.submit(job, actor=context.caller, reason=_first_words(request, context, job))
    log_job(context, job)
    context.tx.tags.put(job.arn, tags)
    return {"trainedModelInferenceJobArn": job.arn}


@operation(CLEANROOMS_ML, "GetTrainedModelInferenceJob")
def get_trained_model_inference_job(request: Request, context: Context) -> Response:
    """The whole job, for the membership that started it."""
    membership = own_membership(context, request["membershipIdentifier"])
    job = _own(request, context, membership)
    payload = job.max_payload_in_mb
    published = _publications(context, membership.id)(job)
    message = published_failure_message(job.status_code, job.status_message, published.withheld)
    return {
        **_summary(job, published),
        "resourceConfig": job.resource_config,
        "dataSource": {"mlInputChannelArn": job.ml_input_channel_arn},
        "containerExecutionParameters": None if payload is None else {"maxPayloadInMB": payload},
        "statusDetails": status_details(
            job.status_code,
            failure_message_for(context.tx, job.id, membership.account_id, job.status_code, message),
            own=True,
        ),
        "inferenceContainerImageDigest": job.image_digest,
        "environment": job.environment or None,
        "kmsKeyArn": job.kms_key_arn,
        "tags": context.tx.tags.get(job.arn) or None,
    }


@operation(CLEANROOMS_ML, "ListTrainedModelInferenceJobs")
def list_trained_model_inference_jobs(request: Request, context: Context) -> Response:
    """The membership's jobs, of one model or one version where the request names it."""
    membership = own_membership(context, request["membershipIdentifier"])
    published = _publications(context, membership.id)

    def render(job: TrainedModelInferenceJob) -> Mapping[str, Any]:
        return {**_summary(job, published(job)), "collaborationIdentifier": job.collaboration_id}

    repository = context.tx.trained_model_inference_jobs
    wanted = {"membership_id": membership.id, **_wanted(request)}
    return paged(request, "trainedModelInferenceJobs", repository, render, **wanted)


@operation(CLEANROOMS_ML, "ListCollaborationTrainedModelInferenceJobs")
def list_collaboration_trained_model_inference_jobs(request: Request, context: Context) -> Response:
    """Every member's jobs, of one model or one version where the request names it."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    published = _publications(context, caller_membership_id(context, collaboration.id))

    def render(job: TrainedModelInferenceJob) -> Mapping[str, Any]:
        place = {"collaborationIdentifier": job.collaboration_id, "creatorAccountId": job.account_id}
        return {**_summary(job, published(job)), **place}

    repository = context.tx.trained_model_inference_jobs
    wanted = {"collaboration_id": collaboration.id, **_wanted(request)}
    return paged(request, "collaborationTrainedModelInferenceJobs", repository, render, **wanted)


@operation(CLEANROOMS_ML, "CancelTrainedModelInferenceJob")
def cancel_trained_model_inference_job(request: Request, context: Context) -> Response:
    """Record the wish; the controller stops the run."""
    membership = active_membership(context, request["membershipIdentifier"])
    require_ability(context, membership, Ability.CAN_QUERY)
    job = _own(request, context, membership)
    transition(context, context.tx.trained_model_inference_jobs, LIFECYCLE, job, Event.CANCEL)
    return None


def _permitted(
    request: Request, context: Context, membership: Membership
) -> tuple[TrainedModel, ConfiguredModelAlgorithmAssociation]:
    """Everything that may speak against the job, spent access budgets too; answers the version and who serves it."""
    arn, identifier = request["trainedModelArn"], request.get("trainedModelVersionIdentifier")
    model = model_version(context, arn, identifier, Omitted.LATEST_ACTIVE, membership.collaboration_id)
    require_active(model)
    serving = request.get("configuredModelAlgorithmAssociationArn", model.association_arn)
    association = working_association(context, serving, membership.collaboration_id)
    permit(can_infer(algorithm_of(context, association)), ValidationFault)
    require_fitting_instances(context, request["resourceConfig"])
    channel = ready_channel(context, membership, request["dataSource"]["mlInputChannelArn"])
    require_rows_may_reach(context, association, [channel])
    spend_channels(context, [channel])
    require_model_may_reach(context, association, model)
    receiver = request["outputConfiguration"]["members"][0]["accountId"]
    require_receiver(context, membership, receiver, Ability.CAN_RECEIVE_INFERENCE_OUTPUT)
    return model, association


def _new_job(
    request: Request,
    context: Context,
    membership: Membership,
    model: TrainedModel,
    association: ConfiguredModelAlgorithmAssociation,
    payer: str,
) -> TrainedModelInferenceJob:
    record_id = context.new_id()
    resource = f"membership/{membership.id}/{INFERENCE_JOB}/{record_id}"
    output = request["outputConfiguration"]
    return TrainedModelInferenceJob(
        id=record_id,
        arn=cleanrooms_ml_arn(membership.region, membership.account_id, resource),
        membership_id=membership.id,
        collaboration_id=membership.collaboration_id,
        account_id=membership.account_id,
        name=request["name"],
        description=request.get("description"),
        trained_model_arn=model.arn,
        trained_model_version_identifier=model.version_identifier,
        trained_model_id=model.id,
        trained_model_name=model.name,
        association_arn=association.arn,
        resource_config=request["resourceConfig"],
        receiver_account_id=output["members"][0]["accountId"],
        accept=output.get("accept"),
        ml_input_channel_arn=request["dataSource"]["mlInputChannelArn"],
        max_payload_in_mb=request.get("containerExecutionParameters", {}).get("maxPayloadInMB"),
        environment=request.get("environment", {}),
        payer_account_id=payer,
        kms_key_arn=request.get("kmsKeyArn"),
        image_digest=None,
        logs_status=None,
        logs_status_details=None,
        metrics_status=None,
        metrics_status_details=None,
        output_bytes=None,
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


def _own(request: Request, context: Context, membership: Membership) -> TrainedModelInferenceJob:
    repository = context.tx.trained_model_inference_jobs
    return of_membership(repository, request["trainedModelInferenceJobArn"], INFERENCE_JOB, membership)


def _wanted(request: Request) -> Mapping[str, str]:
    arn, identifier = request.get("trainedModelArn"), request.get("trainedModelVersionIdentifier")
    if arn is None and identifier is not None:
        raise ValidationFault("trainedModelVersionIdentifier names a version of trainedModelArn: give both.")
    wanted = {"trained_model_arn": arn, "trained_model_version_identifier": identifier}
    return {name: value for name, value in wanted.items() if value is not None}


def _first_words(request: Request, context: Context, job: TrainedModelInferenceJob) -> str:
    """What the audit trail says of it at once."""
    association = association_or_none(context, job.association_arn)
    policies = PrivacyPolicies.parse(None if association is None else association.privacy_configuration)
    notes = (key_note(request, context), unread(context, job.collaboration_id, policies.inference_logs))
    return " ".join(filter(None, notes))


def _publications(context: Context, membership_id: str | None) -> Callable[[TrainedModelInferenceJob], Published]:
    """What the caller reads about the logs and metrics of jobs; each association is loaded once."""
    associations: dict[str, ConfiguredModelAlgorithmAssociation | None] = {}
    configuration = None if membership_id is None else context.tx.ml_configurations.get(membership_id)
    rules = CurrentRules(context.tx)

    def published_of(job: TrainedModelInferenceJob) -> Published:
        if job.association_arn not in associations:
            associations[job.association_arn] = association_or_none(context, job.association_arn)
        association = associations[job.association_arn]
        withheld = withheld_of(rules, job) if job.run_started_at is not None else None
        if job.account_id != context.caller.account_id:
            withheld = without_reason(withheld)
        logs = logs_publication(
            context.caller.account_id,
            Publication(job.logs_status, job.logs_status_details),
            job.run_started_at,
            association,
            PrivacyPolicies.parse(association.privacy_configuration if association else None).inference_logs,
            configuration,
            context.deployment.finder,
            withheld,
        )
        recorded = Publication(job.metrics_status, job.metrics_status_details)
        return Published(logs, metrics_publication(recorded, job.run_started_at, configuration, withheld), withheld)

    return published_of


def _summary(job: TrainedModelInferenceJob, published: Published) -> Mapping[str, Any]:
    return {
        "createTime": job.created_at,
        "updateTime": job.updated_at,
        "trainedModelInferenceJobArn": job.arn,
        "configuredModelAlgorithmAssociationArn": job.association_arn,
        "name": job.name,
        "description": job.description,
        "status": job.status,
        "trainedModelArn": job.trained_model_arn,
        "trainedModelVersionIdentifier": job.trained_model_version_identifier,
        "membershipIdentifier": job.membership_id,
        "outputConfiguration": {"accept": job.accept, "members": [{"accountId": job.receiver_account_id}]},
        "metricsStatus": published.metrics.status,
        "metricsStatusDetails": published.metrics.details,
        "logsStatus": published.logs.status,
        "logsStatusDetails": published.logs.details,
        "mlModelInferencePayerAccountId": job.payer_account_id,
    }
