"""ConfiguredModelAlgorithm: the images that a model provider brings. They lie in an account, in no membership."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.base.arns import cleanrooms_ml_arn, parse_arn
from whiteroom.base.faults import AccessDenied, Conflict, ValidationFault
from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.resources.quotas import Quota
from whiteroom.operations.access import checked_tags, key_note, require_own_role, within_quota
from whiteroom.operations.answers import paged, unique
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import missing
from whiteroom.operations.patterns import metric_fault_of
from whiteroom.operations.registry import CLEANROOMS_ML, Request, Response, operation

KIND = "configured-model-algorithm"


@operation(CLEANROOMS_ML, "CreateConfiguredModelAlgorithm")
def create_configured_model_algorithm(request: Request, context: Context) -> Response:
    """Record an algorithm. Its images are looked up when they run."""
    account_id = context.caller.account_id
    training, inference = request.get("trainingContainerConfig"), request.get("inferenceContainerConfig")
    require_own_role(context, request["roleArn"])
    if training is None and inference is None:
        raise ValidationFault(
            "The algorithm has neither a trainingContainerConfig nor an inferenceContainerConfig. Give at least one."
        )
    key_note(request, context)  # an algorithm has no events: `whiteroom explain` tells it
    _require_readable_metrics(training or {})
    tags = checked_tags(request.get("tags"))
    repository = context.tx.configured_model_algorithms
    within_quota(context, Quota.ALGORITHMS_PER_ACCOUNT, repository, account_id=account_id)
    record_id = context.deployment.new_id()
    algorithm = ConfiguredModelAlgorithm(
        id=record_id,
        arn=cleanrooms_ml_arn(context.caller.region, account_id, f"{KIND}/{record_id}"),
        account_id=account_id,
        name=request["name"],
        description=request.get("description"),
        role_arn=request["roleArn"],
        training_container_config=training,
        inference_container_config=inference,
        kms_key_arn=request.get("kmsKeyArn"),
        created_at=context.now,
        updated_at=context.now,
    )
    with unique("a configured model algorithm of this account", algorithm.name):
        repository.add(algorithm)
    context.tx.tags.put(algorithm.arn, tags)
    return {"configuredModelAlgorithmArn": algorithm.arn}


@operation(CLEANROOMS_ML, "GetConfiguredModelAlgorithm")
def get_configured_model_algorithm(request: Request, context: Context) -> Response:
    """The whole algorithm, for its owner alone."""
    algorithm = own_algorithm(context, request["configuredModelAlgorithmArn"])
    return {
        **_summary(algorithm),
        "trainingContainerConfig": algorithm.training_container_config,
        "inferenceContainerConfig": algorithm.inference_container_config,
        "roleArn": algorithm.role_arn,
        "kmsKeyArn": algorithm.kms_key_arn,
        "tags": context.tx.tags.get(algorithm.arn) or None,
    }


@operation(CLEANROOMS_ML, "ListConfiguredModelAlgorithms")
def list_configured_model_algorithms(request: Request, context: Context) -> Response:
    """The caller's own."""
    repository = context.tx.configured_model_algorithms
    account_id = context.caller.account_id
    return paged(request, "configuredModelAlgorithms", repository, _summary, account_id=account_id)


@operation(CLEANROOMS_ML, "DeleteConfiguredModelAlgorithm")
def delete_configured_model_algorithm(request: Request, context: Context) -> Response:
    """Delete an algorithm that is associated with no membership."""
    algorithm = own_algorithm(context, request["configuredModelAlgorithmArn"])
    association = context.tx.configured_model_algorithm_associations.find(configured_model_algorithm_arn=algorithm.arn)
    if association is not None:
        raise Conflict(
            f"The configured model algorithm {algorithm.name} is associated with membership "
            f"{association.membership_id} as {association.name}. Delete {association.arn} first."
        )
    context.tx.configured_model_algorithms.remove(algorithm)
    context.tx.tags.put(algorithm.arn, {})
    return None


def own_algorithm(context: Context, arn: str) -> ConfiguredModelAlgorithm:
    """An algorithm of the caller's.

    Raises:
        AccessDenied: the ARN names another account.
        ResourceNotFound: the caller has none by that ARN.
    """
    account_id = context.caller.account_id
    parsed = parse_arn(arn)
    if parsed.account_id != account_id:
        raise AccessDenied(f"{arn} belongs to account {parsed.account_id}. Name an algorithm of your own account.")
    algorithm = context.tx.configured_model_algorithms.get(parsed.resource_id)
    if algorithm is None or algorithm.arn != arn:
        raise missing(arn, KIND, f"account {account_id}")
    return algorithm


def _require_readable_metrics(training: Mapping[str, Any]) -> None:
    for definition in training.get("metricDefinitions", ()):
        fault = metric_fault_of(definition["regex"])
        if fault is not None:
            raise ValidationFault(
                f"The metric {definition['name']!r} has the regular expression {definition['regex']!r}, which cannot "
                f"be used: {fault}."
            )


def _summary(algorithm: ConfiguredModelAlgorithm) -> Mapping[str, Any]:
    return {
        "createTime": algorithm.created_at,
        "updateTime": algorithm.updated_at,
        "configuredModelAlgorithmArn": algorithm.arn,
        "name": algorithm.name,
        "description": algorithm.description,
    }
