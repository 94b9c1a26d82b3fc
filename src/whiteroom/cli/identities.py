"""What the commands about accounts, users, keys and roles share: finding one, making a key, and showing it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import typer

from whiteroom.administration.accounts import end_key
from whiteroom.base.clock import utc_now
from whiteroom.base.suggestions import meant
from whiteroom.cli.completion import account_ids
from whiteroom.cli.folder import opened_store
from whiteroom.cli.output import note, say, say_json
from whiteroom.cli.problems import Problem
from whiteroom.cli.server_file import running_s3_url, running_url, runs_in_development, server_url
from whiteroom.domain.resources.accounts import (
    FIRST_USER,
    AccessKey,
    AccessKeyStatus,
    Account,
    User,
    new_access_key_id,
    new_secret,
)
from whiteroom.settings import DEFAULT_PORT, Settings
from whiteroom.store.transaction import StoreTransaction

NewAccountId = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="The account: twelve digits, as AWS's are.", show_default=False)
]
AccountId = Annotated[
    str,
    typer.Argument(
        metavar="ACCOUNT",
        help="The account: twelve digits, as AWS's are.",
        show_default=False,
        autocompletion=account_ids,
    ),
]
OfAccount = Annotated[
    str,
    typer.Option(
        "--account", help="The account, by its twelve digits.", show_default=False, autocompletion=account_ids
    ),
]
OnlyAccount = Annotated[
    str | None,
    typer.Option("--account", help="Of this account alone.", show_default=False, autocompletion=account_ids),
]
UserName = Annotated[str, typer.Argument(metavar="USER", help="The user's name.", show_default=False)]

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")


def checked_account(account: str) -> str:
    """The account's twelve digits.

    Raises:
        Problem: it has something else.
    """
    if _ACCOUNT_ID.fullmatch(account) is None:
        raise Problem(f"{account!r} is not an account: it must be twelve digits, such as 111122223333.")
    return account


def checked_name(what: str, name: str) -> str:
    """A name that AWS would take for a user or a role.

    Raises:
        Problem: it would not.
    """
    if _NAME.fullmatch(name) is None:
        raise Problem(f"{name!r} is no name of {what}: it has 1 to 64 letters, digits or any of _+=,.@- and no others.")
    return name


def account_of(tx: StoreTransaction, account_id: str) -> Account:
    """The account's record.

    Raises:
        Problem: there is none.
    """
    found = tx.accounts.get(checked_account(account_id))
    if found is None:
        near = meant(account_id, [account.id for account in tx.accounts.all()])
        raise Problem(f"There is no account {account_id}.{near} `whiteroom accounts add {account_id}` makes it.")
    return found


def user_of(tx: StoreTransaction, account_id: str, name: str) -> User:
    """A user's record.

    Raises:
        Problem: the account, or the user in it, is not there.
    """
    account_of(tx, account_id)
    found = tx.users.find(account_id=account_id, name=name)
    if found is None:
        names = [user.name for user in tx.users.all(account_id=account_id)]
        known = f"Its users are: {', '.join(names)}." if names else "It has none."
        raise Problem(
            f"Account {account_id} has no user {name!r}.{meant(name, names)} {known} "
            f"`whiteroom users add --account {account_id} NAME --role ROLE` makes one."
        )
    return found


def new_key(user: User) -> AccessKey:
    """A fresh key pair of a user."""
    return AccessKey(new_access_key_id(), user.account_id, new_secret(), AccessKeyStatus.ACTIVE, utc_now(), user.id)


def active_keys(tx: StoreTransaction, user: User) -> list[AccessKey]:
    """The keys with which the user signs."""
    return [key for key in tx.access_keys.all(user_id=user.id) if key.status is AccessKeyStatus.ACTIVE]


def end_keys(tx: StoreTransaction, user: User) -> None:
    """Have the user's keys sign no more."""
    for key in active_keys(tx, user):
        end_key(tx, key.id, utc_now())


def profile_name(user: User) -> str:
    """What we call the AWS profile of a user; of an account's first, by the account alone."""
    return f"whiteroom-{user.account_id}" + ("" if user.name == FIRST_USER else f"-{user.name}")


def endpoint_url(settings: Settings) -> str:
    """Where members reach the server of the data folder: as the settings say, or where it listens, or would."""
    return settings.public_url or listens_at(settings)


def listens_at(settings: Settings) -> str:
    """Where the server of the data folder listens, or would."""
    return running_url(settings.server_file) or server_url(
        settings.host, settings.port or DEFAULT_PORT, tls=bool(settings.tls_cert)
    )


def s3_endpoint_url(settings: Settings) -> str | None:
    """Where members reach the S3 beside it, likewise; None where there is none."""
    at = server_url(settings.host, settings.s3_port) if settings.s3_port else None
    listens = running_s3_url(settings.server_file) or at
    return listens and (settings.s3_public_url or listens)


def show_key(settings: Settings, user: User, key: AccessKey, *, as_json: bool) -> None:
    """Print a key, for the one time that its secret is shown."""
    s3_url = s3_endpoint_url(settings)
    if as_json:
        say_json(
            {
                "accountId": key.account_id,
                "user": user.name,
                "role": user.role.value,
                "accessKeyId": key.id,
                "secretAccessKey": key.secret_access_key,
                "region": settings.region,
                "endpointUrl": endpoint_url(settings),
                **({} if s3_url is None else {"s3EndpointUrl": s3_url}),
            }
        )
        return
    note("Put this into ~/.aws/config and choose it with AWS_PROFILE. The secret is not shown again.")
    values = {"aws_access_key_id": key.id, "aws_secret_access_key": key.secret_access_key}
    name = profile_name(user)
    say_profile(settings, name, values if s3_url is None else {**values, "services": name})
    if s3_url is not None:
        say(f"[services {name}]\ns3 =\n  endpoint_url = {s3_url}")


def say_profile(settings: Settings, name: str, values: Mapping[str, str]) -> None:
    """Print an AWS profile that uses this server."""
    rows = {**values, "region": settings.region, "endpoint_url": endpoint_url(settings)}
    say("\n".join([f"[profile {name}]", *(f"{key} = {value}" for key, value in rows.items())]))


def require_account(settings: Settings, account: str) -> None:
    """Refuse an account that nobody signs for.

    Raises:
        Problem: there are accounts, this is none of them, and no development mode takes it by its number.
    """
    checked_account(account)
    if settings.dev or runs_in_development(settings.server_file):
        return
    with opened_store(settings) as store, store.reading() as tx:
        if tx.accounts.all():
            account_of(tx, account)
            return
    note(
        f"There are no accounts yet, so account {account} is taken as development mode takes it. "
        f"`whiteroom accounts add {account}` makes it."
    )
