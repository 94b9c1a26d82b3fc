"""TrainedModelExportJob: artefacts of a trained model, delivered to one receiver. It has no ARN and no Get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.domain.observability.publication import published_failure_message
from whiteroom.domain.privacy.policies import PrivacyPolicies, may_export
from whiteroom.domain.resources.collaborations import Ability
from whiteroom.domain.resources.receivers import may_start_export
from whiteroom.domain.resources.trained_model_export_jobs import LIFECYCLE, TrainedModelExportJob
from whiteroom.domain.resources.versions import Omitted
from whiteroom.operations.access import joined_collaboration, permit, working_membership
from whiteroom.operations.analysis_logs import log_job, log_refused_job
from whiteroom.operations.answers import paged, status_details, unique
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import (
    association_or_none,
    model_version,
    require_active,
    require_model_may_leave,
    require_receiver,
)
from whiteroom.operations.registry import CLEANROOMS_ML, Request, Response, operation
from whiteroom.reads.current_rules import CurrentRules
from whiteroom.reads.deliveries import failure_message_for
from whiteroom.reads.member_runs import withheld_of


@operation(CLEANROOMS_ML, "StartTrainedModelExportJob", on_refusal=log_refused_job)
def start_trained_model_export_job(request: Request, context: Context) -> Response:
    """Record an export, by the member who trained the model; its latest ACTIVE version where none is named."""
    membership = working_membership(context, request["membershipIdentifier"])
    arn, identifier = request["trainedModelArn"], request.get("trainedModelVersionIdentifier")
    model = model_version(context, arn, identifier, Omitted.LATEST_ACTIVE, membership.collaboration_id)
    permit(may_start_export(model, membership))
    require_active(model)
    require_model_may_leave(context, model)
    association = association_or_none(context, model.association_arn)
    permit(may_export(PrivacyPolicies.parse(association.privacy_configuration if association else None)))
    receiver = request["outputConfiguration"]["members"][0]["accountId"]
    require_receiver(context, membership, receiver, Ability.CAN_RECEIVE_MODEL_OUTPUT)
    job = TrainedModelExportJob(
        id=context.new_id(),
        membership_id=membership.id,
        collaboration_id=membership.collaboration_id,
        account_id=membership.account_id,
        name=request["name"],
        description=request.get("description"),
        trained_model_arn=model.arn,
        trained_model_version_identifier=model.version_identifier,
        trained_model_id=model.id,
        trained_model_name=model.name,
        receiver_account_id=receiver,
        exported_bytes=None,
        status=LIFECYCLE.initial,
        status_code=None,
        status_message=None,
        revision=0,
        created_at=context.now,
        updated_at=context.now,
    )
    with unique("an export job of this trained model", job.name):
        context.tx.trained_model_export_jobs.submit(job, actor=context.caller)
    log_job(context, job)
    return None


@operation(CLEANROOMS_ML, "ListCollaborationTrainedModelExportJobs")
def list_collaboration_trained_model_export_jobs(request: Request, context: Context) -> Response:
    """Every export of one model, or of one version where the request names it."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    wanted = {"collaboration_id": collaboration.id, "trained_model_arn": request["trainedModelArn"]}
    if "trainedModelVersionIdentifier" in request:
        wanted["trained_model_version_identifier"] = request["trainedModelVersionIdentifier"]
    key = "collaborationTrainedModelExportJobs"
    rules = CurrentRules(context.tx)

    def render(job: TrainedModelExportJob) -> Mapping[str, Any]:
        message = job.status_message
        if job.status_code is not None:
            # It may quote what the program left, such as the name of a file.
            model = context.tx.trained_models.get(job.trained_model_id)
            withheld = None if model is None else withheld_of(rules, model)
            message = published_failure_message(job.status_code, message, withheld)
        message = failure_message_for(context.tx, job.id, context.caller.account_id, job.status_code, message)
        own = job.account_id == context.caller.account_id
        return {**_summary(job), "statusDetails": status_details(job.status_code, message, own=own)}

    return paged(request, key, context.tx.trained_model_export_jobs, render, **wanted)


def _summary(job: TrainedModelExportJob) -> Mapping[str, Any]:
    return {
        "createTime": job.created_at,
        "updateTime": job.updated_at,
        "name": job.name,
        "description": job.description,
        "outputConfiguration": {"members": [{"accountId": job.receiver_account_id}]},
        "status": job.status,
        "creatorAccountId": job.account_id,
        "trainedModelArn": job.trained_model_arn,
        "trainedModelVersionIdentifier": job.trained_model_version_identifier,
        "membershipIdentifier": job.membership_id,
        "collaborationIdentifier": job.collaboration_id,
    }
