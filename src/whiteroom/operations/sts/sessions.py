"""`sts`: the caller's identity, and temporary credentials. Nothing is stored: a session is in its token."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from whiteroom.base.arns import parse_arn
from whiteroom.base.callers import ROOT_USER, Caller
from whiteroom.base.faults import NotAuthorized, ValidationFault
from whiteroom.domain.resources.accounts import AssumableRole, may_assume
from whiteroom.domain.resources.sessions import Session, secret_of, session_of_role, session_of_user, token_of
from whiteroom.domain.verdicts import Denied
from whiteroom.operations.context import Context
from whiteroom.operations.registry import STS, Request, Response, operation

REFUSED: Mapping[str, str] = {
    "Policy": "a session may do what its role may, and no policy narrows that",
    "PolicyArns": "a session may do what its role may, and no policy narrows that",
    "Tags": "sessions have no tags",
    "TransitiveTagKeys": "sessions have no tags",
    "ProvidedContexts": "sessions have no contexts",
    "ExternalId": "it is for roles of another account, and a role here is for users of its own",
    "SerialNumber": "there is no multi-factor authentication here",
    "TokenCode": "there is no multi-factor authentication here",
    "SourceIdentity": "the user who assumes a role is recorded as it is, under its own name",
}
"""What a request may not ask for, since it would have no effect, and why."""


@operation(STS, "GetCallerIdentity")
def get_caller_identity(_request: Request, context: Context) -> Response:
    """Whose credentials signed the request. It takes no permission, as in AWS."""
    caller = context.caller
    return {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account_id}


@operation(STS, "AssumeRole")
def assume_role(request: Request, context: Context) -> Response:
    """Credentials with which a user of the role's account is what the role is, for a time."""
    _refuse(request, REFUSED)
    name: str = request["RoleSessionName"]
    role = _role(request["RoleArn"], context)
    seconds: int | None = request.get("DurationSeconds")
    if seconds is not None and seconds > role.max_session_seconds:
        raise ValidationFault(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role: "
            f"{seconds} is more than {role.max_session_seconds}."
        )
    session = session_of_role(context.caller, role, name, context.now, seconds)
    assumed = Caller(role.account_id, context.caller.region, role.principal(context.caller.user, name))
    return {
        "Credentials": _credentials(session, request, context),
        "AssumedRoleUser": {"AssumedRoleId": assumed.user_id, "Arn": assumed.arn},
    }


@operation(STS, "GetSessionToken")
def get_session_token(request: Request, context: Context) -> Response:
    """Credentials with which a user is itself, for a time."""
    _refuse(request, REFUSED)
    if context.caller.temporary:
        raise NotAuthorized(
            "Cannot call GetSessionToken with session credentials: call it with an access key of the user's own."
        )
    session = session_of_user(context.caller, context.now, request.get("DurationSeconds"))
    return {"Credentials": _credentials(session, request, context)}


def _refuse(request: Request, refused: Collection[str]) -> None:
    for name in refused:
        if name in request:
            raise ValidationFault(f"{name} is not supported: {REFUSED[name]}. Leave it out.")


def _role(arn: str, context: Context) -> AssumableRole:
    """The role that the caller may assume.

    Raises:
        ValidationFault: the text is the ARN of no role.
        NotAuthorized: there is none, it is another account's, or it is not for this user.
    """
    try:
        parsed = parse_arn(arn)
    except ValueError:
        raise ValidationFault(f"{arn} is invalid: a RoleArn is arn:aws:iam::ACCOUNT:role/NAME.") from None
    kind, _, name = parsed.resource.partition("/")
    if (parsed.service, parsed.region, kind) != ("iam", "", "role") or not name:
        raise ValidationFault(f"{arn} is invalid: a RoleArn is arn:aws:iam::ACCOUNT:role/NAME.")
    caller = context.caller
    if parsed.account_id != caller.account_id:
        raise _denied(caller, arn, "the role is of another account, and roles are for users of their own")
    if caller.principal.session:
        raise _denied(caller, arn, "a session of a role assumes no other: sign with a key of the user's own")
    role = context.tx.roles.find(account_id=caller.account_id, name=name)
    if role is None or role.arn != arn:
        raise _denied(caller, arn, "there is no such role; the operator makes it with `whiteroom roles add`")
    verdict = may_assume(role, caller.user)
    if isinstance(verdict, Denied) and caller.user != ROOT_USER:
        raise _denied(caller, arn, verdict.reason)
    return role


def _denied(caller: Caller, arn: str, reason: str) -> NotAuthorized:
    return NotAuthorized(
        f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}, because {reason}."
    )


def _credentials(session: Session, request: Request, context: Context) -> Mapping[str, Any]:
    token = token_of(session, context.deployment.session_secret, request.get("MinimumSessionTokenSize", 0))
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": secret_of(token, context.deployment.session_secret),
        "SessionToken": token,
        "Expiration": datetime.fromtimestamp(session.expires_at, UTC),
    }
