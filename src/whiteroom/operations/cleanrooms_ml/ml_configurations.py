"""MLConfiguration: where a member receives what training and inference give. One per membership, put and replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.base.faults import ResourceNotFound, ValidationFault
from whiteroom.base.locations import parse_location
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.operations.access import active_membership, own_membership, require_own_role
from whiteroom.operations.context import Context
from whiteroom.operations.registry import CLEANROOMS_ML, Request, Response, operation


@operation(CLEANROOMS_ML, "PutMLConfiguration")
def put_ml_configuration(request: Request, context: Context) -> Response:
    """Set or replace the membership's configuration. A repeat is harmless."""
    membership = active_membership(context, request["membershipIdentifier"])
    location = request["defaultOutputLocation"]
    require_own_role(context, location["roleArn"])
    _check_destination(location.get("destination"))
    repository = context.tx.ml_configurations
    present = repository.get(membership.id)
    if present is not None:
        repository.update(
            present, role_arn=location["roleArn"], destination=location.get("destination"), updated_at=context.now
        )
        return None
    repository.add(
        MLConfiguration(
            id=membership.id,
            account_id=membership.account_id,
            role_arn=location["roleArn"],
            destination=location.get("destination"),
            created_at=context.now,
            updated_at=context.now,
        )
    )
    return None


def _check_destination(destination: Mapping[str, Any] | None) -> None:
    if destination is None:
        return
    try:
        parse_location(destination["s3Destination"]["s3Uri"])
    except ValueError as error:
        raise ValidationFault(str(error)) from None


@operation(CLEANROOMS_ML, "GetMLConfiguration")
def get_ml_configuration(request: Request, context: Context) -> Response:
    """The caller's own configuration."""
    membership = own_membership(context, request["membershipIdentifier"])
    configuration = _configuration(context, membership)
    return {
        "membershipIdentifier": membership.id,
        "defaultOutputLocation": {"destination": configuration.destination, "roleArn": configuration.role_arn},
        "createTime": configuration.created_at,
        "updateTime": configuration.updated_at,
    }


@operation(CLEANROOMS_ML, "DeleteMLConfiguration")
def delete_ml_configuration(request: Request, context: Context) -> Response:
    """Delete it. Deliveries that are still to come fail for want of a location."""
    membership = own_membership(context, request["membershipIdentifier"])
    context.tx.ml_configurations.remove(_configuration(context, membership))
    return None


def _configuration(context: Context, membership: Membership) -> MLConfiguration:
    configuration = context.tx.ml_configurations.get(membership.id)
    if configuration is None:
        raise ResourceNotFound(
            f"Membership {membership.id} has no ML configuration. Call PutMLConfiguration.",
            resourceId=membership.id,
            resourceType="ml-configuration",
        )
    return configuration
