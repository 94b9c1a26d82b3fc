"""`whiteroom accounts`: the organisations that may sign requests, and their keys."""

from __future__ import annotations

import re
import secrets
import string
from typing import Annotated, Any

import typer

from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, made_folder, opened_store
from whiteroom.cli.output import note, say, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.cli.server_file import running_url, server_url
from whiteroom.domain.accounts import AccessKey, AccessKeyStatus, Account
from whiteroom.settings import DEFAULT_PORT, Settings
from whiteroom.store.transaction import StoreTransaction

app = typer.Typer(rich_markup_mode="markdown")

AccountId = Annotated[str, typer.Argument(help="The account: twelve digits, as AWS's are.", show_default=False)]

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_KEY_LETTERS = string.ascii_uppercase + "234567"


@app.command()
def add(
    account: AccountId,
    name: Annotated[str, typer.Option(help="What people call the organisation.")] = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make an account with an access key, and print the AWS profile that signs with it.

    The secret is shown now and never again; `rotate` makes a new one.

    Example: `whiteroom accounts add 111122223333 --name "North Hospital"`
    """
    _check(account)
    settings = made_folder(data)
    key = new_key(account)
    with opened_store(settings) as store, store.transaction() as tx:
        if tx.accounts.get(account) is not None:
            raise Problem(
                f"Account {account} is there already. `whiteroom accounts rotate {account}` gives it a new key."
            )
        tx.accounts.add(Account(account, name or account, key.created_at))
        tx.access_keys.add(key)
    _show_key(settings, key, as_json=as_json)


@app.command("list")
def list_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the accounts and the access keys that sign for them.

    Example: `whiteroom accounts list --json`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store, store.reading() as tx:
        rows = [
            {
                "accountId": account.id,
                "name": account.name,
                "accessKeyIds": [key.id for key in _active_keys(tx, account.id)],
                "createTime": account.created_at.isoformat(),
            }
            for account in tx.accounts.all()
        ]
    if as_json:
        say_json(rows)
    elif not rows:
        note("There are no accounts yet. `whiteroom accounts add ACCOUNT_ID` makes one.")
    else:
        say_table(
            ("ACCOUNT", "NAME", "ACCESS KEY", "MADE"),
            [(row["accountId"], row["name"], ", ".join(row["accessKeyIds"]), row["createTime"]) for row in rows],
        )


@app.command()
def rotate(account: AccountId, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Give an account a new access key; the old one stops at once, on a running server too.

    Example: `whiteroom accounts rotate 111122223333`
    """
    _check(account)
    settings = existing_folder(data)
    key = new_key(account)
    with opened_store(settings) as store, store.transaction() as tx:
        if tx.accounts.get(account) is None:
            raise Problem(f"There is no account {account}. `whiteroom accounts add {account}` makes it.")
        for old in _active_keys(tx, account):
            tx.access_keys.update(old, status=AccessKeyStatus.INACTIVE)
        tx.access_keys.add(key)
    _show_key(settings, key, as_json=as_json)


def new_key(account_id: str) -> AccessKey:
    """A fresh key pair: an id of twenty letters and digits, a secret of forty characters, as AWS's are."""
    key_id = "WRKA" + "".join(secrets.choice(_KEY_LETTERS) for _ in range(16))
    return AccessKey(key_id, account_id, secrets.token_urlsafe(30), AccessKeyStatus.ACTIVE, utc_now())


def _active_keys(tx: StoreTransaction, account_id: str) -> list[AccessKey]:
    return [key for key in tx.access_keys.all(account_id=account_id) if key.status is AccessKeyStatus.ACTIVE]


def _check(account: str) -> None:
    if _ACCOUNT_ID.fullmatch(account) is None:
        raise Problem(f"{account!r} is not an account: it must be twelve digits, such as 111122223333.")


def _show_key(settings: Settings, key: AccessKey, *, as_json: bool) -> None:
    url = running_url(settings.server_file) or server_url(settings.host, settings.port or DEFAULT_PORT)
    if as_json:
        say_json(
            {
                "accountId": key.account_id,
                "accessKeyId": key.id,
                "secretAccessKey": key.secret_access_key,
                "region": settings.region,
                "endpointUrl": url,
            }
        )
        return
    note("Put this into ~/.aws/config and choose it with AWS_PROFILE. The secret is not shown again.")
    say(_profile(settings, key, url))


def _profile(settings: Settings, key: AccessKey, url: str) -> str:
    values: dict[str, Any] = {
        "aws_access_key_id": key.id,
        "aws_secret_access_key": key.secret_access_key,
        "region": settings.region,
        "endpoint_url": url,
    }
    lines = [f"[profile whiteroom-{key.account_id}]", *(f"{name} = {value}" for name, value in values.items())]
    return "\n".join(lines)
