"""ConfiguredModelAlgorithm: the images that a model provider brings. They are in an account, in no membership."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.base.arns import cleanrooms_ml_arn, parse_arn
from whiteroom.base.faults import AccessDenied, Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.resources.quotas import Quota
from whiteroom.operations.access import checked_tags, key_note, require_own_role, within_quota
from whiteroom.operations.answers import unique
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import missing
from whiteroom.operations.patterns import metric_fault_of
from whiteroom.operations.plain_resources import OF_ACCOUNT, Place, PlainResource, by_arn
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
    record_id = context.new_id()
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


def _missing(place: Place, arn: str) -> ResourceNotFound:
    """The answer for none of the caller's.

    Raises:
        AccessDenied: the ARN names another account.
    """
    owner = parse_arn(arn).account_id
    if owner != place.equals["account_id"]:
        raise AccessDenied(f"{arn} belongs to account {owner}. Name an algorithm of your own account.")
    return missing(arn, KIND, place.inside)


def _require_unused(context: Context, algorithm: ConfiguredModelAlgorithm) -> None:
    association = context.tx.configured_model_algorithm_associations.find(configured_model_algorithm_arn=algorithm.arn)
    if association is not None:
        raise Conflict(
            f"The configured model algorithm {algorithm.name} is associated with membership "
            f"{association.membership_id} as {association.name}. Delete {association.arn} first."
        )


def _require_readable_metrics(training: Mapping[str, Any]) -> None:
    for definition in training.get("metricDefinitions", ()):
        fault = metric_fault_of(definition["regex"])
        if fault is not None:
            raise ValidationFault(
                f"The metric {definition['name']!r} has the regular expression {definition['regex']!r}, which cannot "
                f"be used: {fault}."
            )


def _summary(_: Context, __: Place, algorithm: ConfiguredModelAlgorithm) -> Mapping[str, Any]:
    return {
        "createTime": algorithm.created_at,
        "updateTime": algorithm.updated_at,
        "configuredModelAlgorithmArn": algorithm.arn,
        "name": algorithm.name,
        "description": algorithm.description,
    }


def _document(context: Context, place: Place, algorithm: ConfiguredModelAlgorithm) -> Mapping[str, Any]:
    return {
        **_summary(context, place, algorithm),
        "trainingContainerConfig": algorithm.training_container_config,
        "inferenceContainerConfig": algorithm.inference_container_config,
        "roleArn": algorithm.role_arn,
        "kmsKeyArn": algorithm.kms_key_arn,
        "tags": context.tx.tags.get(algorithm.arn) or None,
    }


ALGORITHMS = PlainResource(
    service=CLEANROOMS_ML,
    module=__name__,
    records=lambda tx: tx.configured_model_algorithms,
    where=OF_ACCOUNT,
    named_by="configuredModelAlgorithmArn",
    find=by_arn,
    missing=_missing,
)
ALGORITHMS.get("GetConfiguredModelAlgorithm", "The whole algorithm, for its owner alone.", _document)
ALGORITHMS.list("ListConfiguredModelAlgorithms", "The caller's own.", _summary, key="configuredModelAlgorithms")
ALGORITHMS.delete(
    "DeleteConfiguredModelAlgorithm",
    "Delete an algorithm that is associated with no membership.",
    first=_require_unused,
)
