"""`whiteroom accounts`: the organisations that may sign requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from whiteroom.administration.accounts import set_account
from whiteroom.base.callers import Role
from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, made_folder, opened_store
from whiteroom.cli.identities import (
    AccountId,
    NewAccountId,
    account_of,
    active_keys,
    checked_account,
    end_keys,
    new_key,
    show_key,
    user_of,
)
from whiteroom.cli.notify import remove_addresses
from whiteroom.cli.output import note, say_done, say_json, say_table, second
from whiteroom.cli.problems import Problem
from whiteroom.domain.resources.accounts import FIRST_USER, Account, Standing, User, new_user_id
from whiteroom.domain.resources.collaborations import CollaborationStatus
from whiteroom.domain.resources.memberships import MembershipStatus
from whiteroom.opening import open_catalog
from whiteroom.settings import Settings
from whiteroom.store.transaction import StoreTransaction

app = typer.Typer(rich_markup_mode="markdown")


@app.command()
def add(
    account: NewAccountId,
    name: Annotated[str, typer.Option(help="What people call the organisation.")] = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make an account with its first user, and print the AWS profile that signs with that user's key.

    The user is `admin`, an administrator; `users add` makes others. The secret is shown now and never again;
    `rotate` makes a new one.

    Example: `whiteroom accounts add 111122223333 --name "North Hospital"`
    """
    checked_account(account)
    settings = made_folder(data)
    now = utc_now()
    user = User(new_user_id(), account, FIRST_USER, Role.ADMINISTRATOR, now)
    key = new_key(user)
    with opened_store(settings) as store, store.transaction() as tx:
        if tx.accounts.get(account) is not None:
            raise Problem(
                f"Account {account} is there already. `whiteroom accounts rotate {account}` gives it a new key."
            )
        tx.accounts.add(Account(account, name or account, now))
        tx.users.add(user)
        tx.access_keys.add(key)
    show_key(settings, user, key, as_json=as_json)


@app.command("list")
def list_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the accounts, their users and the access keys that sign for them.

    Example: `whiteroom accounts list --json`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store, store.reading() as tx:
        rows = []
        for account in tx.accounts.all():
            users = tx.users.all(account_id=account.id)
            rows.append(
                {
                    "accountId": account.id,
                    "name": account.name,
                    "status": account.standing.value,
                    "users": [user.name for user in users],
                    "accessKeyIds": [key.id for user in users for key in active_keys(tx, user)],
                    "createTime": account.created_at.isoformat(),
                }
            )
    if as_json:
        say_json(rows)
    elif not rows:
        note("There are no accounts yet. `whiteroom accounts add ACCOUNT_ID` makes one.")
    else:
        say_table(
            ("ACCOUNT", "NAME", "STATUS", "USERS", "ACCESS KEYS", "MADE (UTC)"),
            [
                (
                    *(row["accountId"], row["name"], row["status"]),
                    *(", ".join(row["users"]), ", ".join(row["accessKeyIds"]), second(row["createTime"])),
                )
                for row in rows
            ],
        )


@app.command()
def rotate(account: AccountId, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Give an account's user `admin` a new access key; its old ones stop at once, on a running server too.

    The keys of other users stay: `keys add` and `keys remove` change those.

    Example: `whiteroom accounts rotate 111122223333`
    """
    checked_account(account)
    settings = existing_folder(data)
    with opened_store(settings) as store, store.transaction() as tx:
        user = user_of(tx, account, FIRST_USER)
        key = new_key(user)
        end_keys(tx, user)
        tx.access_keys.add(key)
    show_key(settings, user, key, as_json=as_json)


@app.command()
def disable(account: AccountId, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Have no key of an account sign any more, at once, on a running server too; `enable` takes that back.

    Nothing else changes: its tables stay in collaborations, and what runs goes on. Development mode, which asks for
    no keys, takes its number as before.

    Example: `whiteroom accounts disable 111122223333`
    """
    _stand(data, account, Standing.DISABLED)
    text = (
        f"Account {account} is disabled: none of its keys signs. `whiteroom accounts enable {account}` takes it back."
    )
    say_done(text, {"accountId": account, "status": Standing.DISABLED.value}, as_json=as_json)


@app.command()
def enable(account: AccountId, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Let the keys of a disabled account sign again.

    Example: `whiteroom accounts enable 111122223333`
    """
    _stand(data, account, Standing.ENABLED)
    document = {"accountId": account, "status": Standing.ENABLED.value}
    say_done(f"Account {account} is enabled.", document, as_json=as_json)


@app.command()
def remove(account: AccountId, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Take an account away, with its users, keys and roles; one that still holds something is refused.

    What it did stays in the history of collaborations. An account that is added later under the same number is the
    same account to that history.

    Example: `whiteroom accounts remove 111122223333`
    """
    checked_account(account)
    settings = existing_folder(data)
    with opened_store(settings) as store:
        with store.transaction() as tx:
            _remove(settings, tx, account)
        remove_addresses(store, account)
    text = f"Account {account} is gone, with its users, keys and roles."
    say_done(text, {"accountId": account, "removed": True}, as_json=as_json)


def _remove(settings: Settings, tx: StoreTransaction, account: str) -> None:
    record = account_of(tx, account)
    held = list(_holdings(settings, tx, account))
    if held:
        raise Problem(
            f"Account {account} still has {', '.join(held)}. Take them out first, with its own key or those "
            f"commands; `whiteroom accounts disable {account}` ends its keys at once."
        )
    for key in tx.access_keys.all(account_id=account):
        tx.access_keys.remove(key)
    for user in tx.users.all(account_id=account):
        tx.users.remove(user)
    for role in tx.roles.all(account_id=account):
        tx.roles.remove(role)
    tx.accounts.remove(record)


def _holdings(settings: Settings, tx: StoreTransaction, account: str) -> Iterator[str]:
    """What an account has that others meet, and the call that ends it."""
    for one, several, call, count in (
        (
            "collaboration",
            "collaborations",
            "DeleteCollaboration",
            len(tx.collaborations.all(creator_account_id=account, status=CollaborationStatus.ACTIVE)),
        ),
        (
            "membership",
            "memberships",
            "DeleteMembership",
            len(tx.memberships.all(account_id=account, status=MembershipStatus.ACTIVE)),
        ),
        (
            "configured table",
            "configured tables",
            "DeleteConfiguredTable",
            len(tx.configured_tables.all(account_id=account)),
        ),
        (
            "algorithm",
            "algorithms",
            "DeleteConfiguredModelAlgorithm",
            len(tx.configured_model_algorithms.all(account_id=account)),
        ),
        (
            "table in the catalog",
            "tables in the catalog",
            "whiteroom catalog remove",
            len(open_catalog(settings).list(account)),
        ),
    ):
        if count:
            yield f"{count} {one if count == 1 else several} ({call})"


def _stand(data: Data, account: str, standing: Standing) -> None:
    checked_account(account)
    with opened_store(existing_folder(data)) as store, store.transaction() as tx:
        set_account(tx, account_of(tx, account), standing, utc_now())
