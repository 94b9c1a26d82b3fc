"""Where the rows of a member's query go: who receives them, where, and in which form.

Source: ProtectedQueryOutputConfiguration, ProtectedQueryDistributeOutputConfigurationLocation and
MembershipProtectedQueryResultConfiguration of the `cleanrooms` model (botocore 1.44.5). The ability
it takes: domain/resources/receivers.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whiteroom.base.locations import parse_location
from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.domain.resources.collaborations import Ability, Member, MemberStatus
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


@dataclass(frozen=True, slots=True)
class Receiver:
    """One account that is to have the rows."""

    account_id: str
    s3: Mapping[str, Any] | None
    """ProtectedQueryS3OutputConfiguration where the querier names its own place; None: the receiver's default."""


def receivers_asked_for(
    output: Mapping[str, Any] | None, querier_account_id: str, members: Iterable[Member]
) -> tuple[Receiver, ...] | Denied:
    """Whom a request names.

    Args:
        output: ProtectedQueryOutputConfiguration; None where the request leaves it out.
        querier_account_id: who asks; an S3 location is its own.
        members: everybody in the collaboration.
    """
    if output is None:
        return _receiver_by_default(querier_account_id, members)
    if "s3" in output:
        return (Receiver(querier_account_id, output["s3"]),)
    if "member" in output:
        return (Receiver(output["member"]["accountId"], None),)
    if "distribute" in output:
        return _distributed(output["distribute"]["locations"], querier_account_id)
    return Denied(f"Results cannot go to {', '.join(output) or 'nowhere'}. Use s3, member or distribute.")


def _receiver_by_default(querier_account_id: str, members: Iterable[Member]) -> tuple[Receiver, ...] | Denied:
    able = [
        member.account_id
        for member in members
        if member.status is MemberStatus.ACTIVE and member.can(Ability.CAN_RECEIVE_RESULTS)
    ]
    if querier_account_id in able:
        return (Receiver(querier_account_id, None),)
    if len(able) == 1:
        return (Receiver(able[0], None),)
    found = f"Members {', '.join(able)} can" if able else "No active member can"
    return Denied(f"{found} receive results. Name the receiver in resultConfiguration.outputConfiguration.member.")


def _distributed(locations: Sequence[Mapping[str, Any]], querier_account_id: str) -> tuple[Receiver, ...] | Denied:
    """The receivers of a distribute output: each once, one S3 location, and the query runner's account in no other."""
    found: list[Receiver] = []
    for location in locations:
        if "s3" in location:
            found.append(Receiver(querier_account_id, location["s3"]))
        elif location["member"]["accountId"] == querier_account_id:
            return Denied("distribute.locations names the account that runs the query. Give it an s3 location instead.")
        else:
            found.append(Receiver(location["member"]["accountId"], None))
    accounts = [receiver.account_id for receiver in found]
    twice = sorted({account for account in accounts if accounts.count(account) > 1})
    if twice:
        what = "more than one s3 location" if twice[0] == querier_account_id else f"member {twice[0]} twice"
        return Denied(f"distribute.locations has {what}. Name each receiver once.")
    return tuple(found)


def place_of(receiver: Receiver, membership: Membership | None, default_location: str) -> Mapping[str, Any] | Denied:
    """The S3 output configuration under which a receiver gets its results.

    Args:
        receiver: who.
        membership: its membership.
        default_location: the deployment's, for members without a default of their own; empty where there is none.
    """
    if receiver.s3 is not None:
        return receiver.s3
    configuration = membership.default_result_configuration if membership is not None else None
    if configuration is not None:
        own: Mapping[str, Any] = configuration["outputConfiguration"]["s3"]
        return own
    if default_location:
        bucket, _, prefix = default_location.removeprefix("s3://").partition("/")
        folders = "/".join(part for part in (prefix.rstrip("/"), receiver.account_id) if part)
        return {"resultFormat": ResultFormat.CSV.value, "bucket": bucket, "keyPrefix": folders}
    return Denied(
        f"The receiver {receiver.account_id} has no defaultResultConfiguration. It must set one by UpdateMembership, "
        "or the account that runs the query must receive the results itself at an s3 location that it names."
    )


def destination_of(receiver: Receiver, membership: Membership | None, default_location: str) -> Destination | Denied:
    """Where a receiver gets its results, and by whose rights: where `place_of` says.

    The model has a role beside the receiver's own default alone: it is good for a place that the receiver names too.
    """
    s3 = place_of(receiver, membership, default_location)
    if isinstance(s3, Denied):
        return s3
    configuration = (membership.default_result_configuration if membership is not None else None) or {}
    own = receiver.s3 is not None or bool(configuration)
    return Destination(
        location_of(s3), receiver.account_id if own else None, configuration.get("roleArn") if own else None
    )


def is_signed_for(destination: Destination, mapped_accounts: Collection[str] | None) -> Verdict:
    """Whether somebody signs for it, before a query is run whose rows nobody could be given.

    Args:
        destination: of a receiver.
        mapped_accounts: those that the operator signs for; None where locations are folders, which nobody signs for.
    """
    owner = destination.owner_account_id
    if mapped_accounts is None or owner is None or destination.role_arn is not None or owner in mapped_accounts:
        return ALLOWED
    return Denied(
        f"The receiver {owner} has set no role that may write to its bucket. It must name one by UpdateMembership "
        "(defaultResultConfiguration.roleArn), or ask the operator to map a profile to its account."
    )


def location_of(s3: Mapping[str, Any]) -> str:
    """`s3://BUCKET/PREFIX` of an S3 output configuration."""
    return f"s3://{s3['bucket']}/{s3.get('keyPrefix', '').rstrip('/')}".rstrip("/")


def location_is_sound(s3: Mapping[str, Any]) -> Verdict:
    """Whether something can be put there."""
    try:
        parse_location(location_of(s3))
    except ValueError as error:
        return Denied(str(error))
    return ALLOWED


def one_format(places: Mapping[str, Mapping[str, Any]]) -> ResultFormat | Denied:
    """The format of a query's files: it runs once, and every receiver gets the same ones.

    Args:
        places: S3 output configurations by account.
    """
    formats = {account: str(s3["resultFormat"]) for account, s3 in places.items()}
    if len(set(formats.values())) == 1:
        return ResultFormat(next(iter(formats.values())))
    listed = ", ".join(f"{account} ({wanted})" for account, wanted in sorted(formats.items()))
    return Denied(
        f"The receivers want different formats: {listed}. Ask for one of them in s3.resultFormat, let the others "
        "change their defaultResultConfiguration (UpdateMembership), or run a query for each."
    )


def shown_location(location: str, query_id: str, files: Sequence[str]) -> str:
    """What ProtectedQueryS3Output says: the file where there is one, else the folder that holds them."""
    folder = f"{location}/{query_id}/"
    return folder + files[0] if len(files) == 1 else folder
