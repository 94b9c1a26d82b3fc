"""The one operation of `sts` that every AWS script calls: GetCallerIdentity."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.base.callers import Caller


def get_caller_identity(caller: Caller) -> Mapping[str, str]:
    """Whose key signed the request."""
    return {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account_id}
