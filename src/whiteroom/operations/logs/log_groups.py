"""LogGroup (CloudWatch Logs): the groups that AWS Clean Rooms (ML) publishes to.

Every account has the two of runs, and one for each collaboration of whose analyses it has a log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from whiteroom.base.arns import Arn, parse_arn
from whiteroom.base.faults import ResourceNotFound, ValidationFault
from whiteroom.operations.analysis_log_reading import groups_of
from whiteroom.operations.context import Context
from whiteroom.operations.log_reading import GROUPS
from whiteroom.operations.registry import LOGS, Request, Response, operation

_CLASS = "STANDARD"
"""The logGroupClass of every group."""


@operation(LOGS, "DescribeLogGroups")
def describe_log_groups(request: Request, context: Context) -> Response:
    """The groups by name, prefix or part of a name. Of other accounts there is nothing to describe."""
    if "logGroupNamePrefix" in request and "logGroupNamePattern" in request:
        raise ValidationFault("logGroupNamePrefix and logGroupNamePattern cannot both be given.")
    own = context.caller.account_id
    if any(account != own for account in request.get("accountIdentifiers", ())):
        raise ValidationFault(f"accountIdentifiers may name {own} alone: logs of other accounts are not shown.")
    if request.get("includeLinkedAccounts", False):
        raise ValidationFault("includeLinkedAccounts is not supported: logs of other accounts are not shown.")
    limit, after = request.get("limit", 50), request.get("nextToken")
    found = [name for name in _wanted(request, context) if after is None or name > after]
    return {
        "logGroups": [_described(name, context) for name in found[:limit]],
        "nextToken": found[limit - 1] if len(found) > limit else None,
    }


def group_of(request: Request, context: Context) -> str:
    """The group that a request names, by its name or its ARN.

    Raises:
        ValidationFault: it names none, or two.
        ResourceNotFound: it is not one of the caller's.
    """
    names = [request[member] for member in ("logGroupName", "logGroupIdentifier") if member in request]
    if len(names) != 1:
        raise ValidationFault("Give exactly one of logGroupName and logGroupIdentifier.")
    there = _groups(context)
    name = _name(names[0], context)
    if name not in there:
        raise ResourceNotFound(
            f"The specified log group does not exist. Your account has {' and '.join(there)}. Analyses "
            "have a log where queryLogStatus or jobLogStatus is ENABLED on the collaboration and on your membership."
        )
    return name


def group_arn(name: str, context: Context) -> str:
    """A group's ARN, without the `:*` that stands for its streams. Groups are the server's, and in its region."""
    return str(Arn("logs", context.deployment.bucket_regions.own, context.caller.account_id, f"log-group:{name}"))


def _groups(context: Context) -> tuple[str, ...]:
    """Every group of the caller's, by name."""
    return tuple(sorted((*GROUPS, *groups_of(context.tx, context.caller.account_id))))


def _name(identifier: str, context: Context) -> str:
    """The name in a group's ARN. A script may have written that of its own region, which is the same group here."""
    if not identifier.startswith("arn:"):
        return identifier
    try:
        arn = parse_arn(identifier.removesuffix(":*"))
    except ValueError:
        return identifier
    kind, _, name = arn.resource.partition(":")
    own = (arn.partition, arn.service, arn.account_id, kind) == ("aws", "logs", context.caller.account_id, "log-group")
    return name if own else identifier


def _wanted(request: Request, context: Context) -> Iterator[str]:
    prefix, part = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "").lower()
    identifiers = request.get("logGroupIdentifiers")
    there = _groups(context)
    named = None if identifiers is None else {_name(identifier, context) for identifier in identifiers}
    if request.get("logGroupClass", _CLASS) != _CLASS:
        return
    for name in there:
        if name.startswith(prefix) and part in name.lower() and (named is None or name in named):
            yield name


def _described(name: str, context: Context) -> Mapping[str, Any]:
    arn = group_arn(name, context)
    return {
        "logGroupName": name,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "metricFilterCount": 0,
        "storedBytes": 0,
        "logGroupClass": _CLASS,
    }
