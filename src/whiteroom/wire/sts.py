"""The one operation of `sts` that every AWS script calls: GetCallerIdentity."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.base.callers import Caller


def get_caller_identity(caller: Caller) -> Mapping[str, str]:
    """Whose key signed the request. Of an account's users and roles nothing is known here."""
    account = caller.account_id
    return {"Arn": f"arn:aws:iam::{account}:root", "UserId": account, "Account": account}
