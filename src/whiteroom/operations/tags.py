"""Tags of both services' resources, for their owners alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from whiteroom.base.arns import CLEANROOMS_ML as ML_ARNS
from whiteroom.base.arns import Arn, parse_arn
from whiteroom.base.faults import AccessDenied, ResourceNotFound, ValidationFault
from whiteroom.operations.access import checked_tags
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import ASSOCIATION, CHANNEL, INFERENCE_JOB, MODEL
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, Request, Response, operation
from whiteroom.ports.repositories import Repository
from whiteroom.ports.transaction import Transaction

_HOLDERS: Mapping[tuple[str, str], Callable[[Transaction], Repository[Any]]] = {
    (CLEANROOMS, "collaboration"): lambda tx: tx.collaborations,
    (CLEANROOMS, "membership"): lambda tx: tx.memberships,
    (CLEANROOMS, "configuredtable"): lambda tx: tx.configured_tables,
    (CLEANROOMS, "configuredtableassociation"): lambda tx: tx.configured_table_associations,
    (CLEANROOMS, "analysistemplate"): lambda tx: tx.analysis_templates,
    (CLEANROOMS, "privacybudgettemplate"): lambda tx: tx.privacy_budget_templates,
    (CLEANROOMS_ML, "configured-model-algorithm"): lambda tx: tx.configured_model_algorithms,
    (CLEANROOMS_ML, ASSOCIATION): lambda tx: tx.configured_model_algorithm_associations,
    (CLEANROOMS_ML, CHANNEL): lambda tx: tx.ml_input_channels,
    (CLEANROOMS_ML, MODEL): lambda tx: tx.trained_models,
    (CLEANROOMS_ML, INFERENCE_JOB): lambda tx: tx.trained_model_inference_jobs,
}
"""What can be tagged, by the ARN's service and kind. All versions of a model share the tags of its ARN."""


@operation(CLEANROOMS, "TagResource")
@operation(CLEANROOMS_ML, "TagResource")
def tag_resource(request: Request, context: Context) -> Response:
    """Add tags, or give new values to those that are there. A repeat is harmless."""
    arn = _owned(request, context)
    context.tx.tags.put(arn, checked_tags({**context.tx.tags.get(arn), **checked_tags(request["tags"])}))
    return None


@operation(CLEANROOMS, "UntagResource")
@operation(CLEANROOMS_ML, "UntagResource")
def untag_resource(request: Request, context: Context) -> Response:
    """Remove tags; keys that are not there are left out of account."""
    arn = _owned(request, context)
    gone = frozenset(request["tagKeys"])
    context.tx.tags.put(arn, {key: value for key, value in context.tx.tags.get(arn).items() if key not in gone})
    return None


@operation(CLEANROOMS, "ListTagsForResource")
@operation(CLEANROOMS_ML, "ListTagsForResource")
def list_tags_for_resource(request: Request, context: Context) -> Response:
    """Every tag."""
    return {"tags": context.tx.tags.get(_owned(request, context))}


def _owned(request: Request, context: Context) -> str:
    """The ARN of a resource that the caller owns.

    Raises:
        AccessDenied: a `cleanrooms-ml` ARN of another account.
        ResourceNotFound: there is no such resource of the caller's.
    """
    text: str = request["resourceArn"]
    try:
        arn = parse_arn(text)
    except ValueError as error:
        raise ValidationFault(str(error)) from None
    account_id = context.caller.account_id
    if arn.account_id != account_id and arn.service == ML_ARNS:  # `cleanrooms` has no AccessDenied here
        raise AccessDenied(f"{text} belongs to account {arn.account_id}. Tags are for the owner alone.")
    record = _record(context, arn)
    if record is None or record.arn != text or arn.account_id != account_id:
        raise ResourceNotFound(f"Account {account_id} has no resource {text}.", resourceId=text, resourceType=arn.kind)
    return text


def _record(context: Context, arn: Arn) -> Any:
    # Most are in `membership/ID/KIND/ID`; a table's association is `configuredtableassociation/MEMBERSHIP/ID`.
    first, *rest = arn.resource.split("/")
    kind = rest[1] if first == "membership" and len(rest) > 1 else first
    holder = _HOLDERS.get((arn.service, kind))
    return None if holder is None else holder(context.tx).get(arn.resource_id)
