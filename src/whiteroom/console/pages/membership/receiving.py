"""Where a member receives: models and inferences (PutMLConfiguration), and results of queries (UpdateMembership)."""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse, Response

from whiteroom.console.asked import Asked
from whiteroom.console.rendering import PREFIX, page
from whiteroom.console.visitors import Visitor
from whiteroom.domain.resources.collaborations import Ability
from whiteroom.wire.inside import Refused

FORMATS = ("CSV", "PARQUET")


async def show(asked: Asked) -> Response:
    """What is set, and the forms that set it."""
    visitor, name = asked.visitor, asked.path["collaboration"]
    membership = await own_membership(visitor, name)
    configuration = await _configuration(visitor, membership["id"])
    location = configuration.get("destination", {}).get("s3Destination", {}).get("s3Uri", "")
    results = membership.get("defaultResultConfiguration", {}).get("outputConfiguration", {}).get("s3", {})
    return page(
        "membership/receiving.html",
        visitor=visitor,
        membership=membership,
        location=location,
        role=configuration.get("roleArn") or f"arn:aws:iam::{visitor.account_id}:role/whiteroom",
        results=results,
        receives_results=Ability.CAN_RECEIVE_RESULTS in membership["memberAbilities"],
        formats=FORMATS,
        may_set=visitor.may("cleanrooms-ml", "PutMLConfiguration"),
    )


async def set_models(asked: Asked) -> Response:
    """Where models and inferences go; without a place, that logs and metrics may be read."""
    visitor, name, form = asked.visitor, asked.path["collaboration"], asked.sent
    membership = await own_membership(visitor, name)
    location: dict[str, Any] = {"roleArn": form.get("role", "").strip()}
    uri = form.get("location", "").strip()
    if uri:
        location["destination"] = {"s3Destination": {"s3Uri": uri}}
    await visitor.call(
        "cleanrooms-ml",
        "PutMLConfiguration",
        membershipIdentifier=membership["id"],
        defaultOutputLocation=location,
    )
    return RedirectResponse(f"{PREFIX}/collaborations/{name}", 303)


async def set_results(asked: Asked) -> Response:
    """Where results of queries go."""
    visitor, name, form = asked.visitor, asked.path["collaboration"], asked.sent
    membership = await own_membership(visitor, name)
    place = {"resultFormat": form.get("format", ""), "bucket": form.get("bucket", "").strip()}
    prefix = form.get("prefix", "").strip()
    # What else the member has set of it stays.
    configuration = dict(membership.get("defaultResultConfiguration", {}))
    held = configuration.get("outputConfiguration", {}).get("s3", {})
    kept = {key: value for key, value in held.items() if key == "singleFileOutput"}
    s3 = {**kept, **place, **({"keyPrefix": prefix} if prefix else {})}
    await visitor.call(
        "cleanrooms",
        "UpdateMembership",
        membershipIdentifier=membership["id"],
        defaultResultConfiguration={**configuration, "outputConfiguration": {"s3": s3}},
    )
    return RedirectResponse(f"{PREFIX}/collaborations/{name}", 303)


async def own_membership(visitor: Visitor, collaboration_id: str) -> dict[str, Any]:
    """The visitor's membership of a collaboration.

    Raises:
        Refused: it has none.
    """
    answer = await visitor.call("cleanrooms", "GetCollaboration", collaborationIdentifier=collaboration_id)
    # Of a member that has not joined there is no membership: the operation says so in its own words.
    membership_id = answer["collaboration"].get("membershipId", collaboration_id)
    found = await visitor.call("cleanrooms", "GetMembership", membershipIdentifier=membership_id)
    membership: dict[str, Any] = found["membership"]
    return membership


async def _configuration(visitor: Visitor, membership_id: str) -> dict[str, Any]:
    try:
        found = await visitor.call("cleanrooms-ml", "GetMLConfiguration", membershipIdentifier=membership_id)
    except Refused as refused:
        if refused.code != "ResourceNotFoundException":
            raise
        return {}
    configuration: dict[str, Any] = found["defaultOutputLocation"]
    return configuration
