"""Who may do what in the S3 that comes along: each account in its own bucket, with its own keys, and nobody else.

SeaweedFS reads it from a file, adds what is new when it is asked to look again, and forgets nothing before it is
restarted.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whiteroom.domain.resources.accounts import AccessKeyStatus, Standing
from whiteroom.ports.transaction import Transaction

SERVER = "whiteroom"
"""The identity that makes buckets, and delivers to those that belong to no account."""
_ACTIONS = ("Read", "Write", "List", "Tagging")
DEVELOPMENT_SECRET = "any"  # noqa: S105 - what is not checked in development mode elsewhere, and has to be something here
"""The secret access key that goes with twelve digits in development mode."""


@dataclass(frozen=True, slots=True)
class Owner:
    """An account, and the keys that its users sign with."""

    account_id: str
    keys: tuple[tuple[str, str], ...]
    """Access key ids and their secrets."""

    @property
    def bucket(self) -> str:
        """Its bucket, which has the account's name."""
        return self.account_id


def owners(tx: Transaction, *, dev: bool) -> tuple[Owner, ...]:
    """Every account whose keys sign now; in development mode those that have joined a collaboration, too."""
    found: dict[str, list[tuple[str, str]]] = {}
    for account in tx.accounts.all():
        if account.standing is Standing.ENABLED:
            found[account.id] = [
                (key.id, key.secret_access_key)
                for user in tx.users.all(account_id=account.id)
                if user.standing is Standing.ENABLED
                for key in tx.access_keys.all(user_id=user.id)
                if key.status is AccessKeyStatus.ACTIVE
            ]
    if dev:
        for membership in tx.memberships.all():
            digits = membership.account_id
            found[digits] = [*dict.fromkeys([*found.get(digits, []), (digits, DEVELOPMENT_SECRET)])]
    return tuple(Owner(account_id, tuple(sorted(keys))) for account_id, keys in sorted(found.items()))


def own_key(secret: bytes, name: str) -> tuple[str, str]:
    """The key with which the server acts as `name`, an account or itself: made of a secret that nobody else has."""
    return f"WRSERVER{name}".upper(), hmac.digest(secret, name.encode(), "sha256").hex()


def configuration(accounts: Iterable[Owner], secret: bytes) -> bytes:
    """The file, as SeaweedFS reads it."""
    identities = [_identity(SERVER, [own_key(secret, SERVER)], ["Admin"])]
    identities += [
        _identity(
            one.account_id,
            [own_key(secret, one.account_id), *one.keys],
            [f"{action}:{one.bucket}" for action in _ACTIONS],
        )
        for one in accounts
    ]
    return json.dumps({"identities": identities}, indent=1).encode()


def takes_away(before: Sequence[Owner], now: Sequence[Owner]) -> bool:
    """Whether somebody may do less than before: a key that signs no more, an account that is disabled."""
    kept = {one.account_id: set(one.keys) for one in now}
    return any(set(one.keys) - kept.get(one.account_id, set()) or one.account_id not in kept for one in before)


def _identity(name: str, keys: Iterable[tuple[str, str]], actions: list[str]) -> Mapping[str, Any]:
    return {
        "name": name,
        "credentials": [{"accessKey": key_id, "secretKey": secret} for key_id, secret in keys],
        "actions": actions,
    }
