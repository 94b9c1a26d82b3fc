"""`whiteroom users`: the users of an account, and their roles."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from whiteroom.administration.accounts import set_user
from whiteroom.base.callers import ROOT_USER, Role
from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.identities import (
    OfAccount,
    OnlyAccount,
    UserName,
    account_of,
    active_keys,
    checked_account,
    checked_name,
    end_keys,
    new_key,
    show_key,
    user_of,
)
from whiteroom.cli.output import note, say_done, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.domain.resources.accounts import FIRST_USER, Standing, User, new_user_id
from whiteroom.store.transaction import StoreTransaction

app = typer.Typer(rich_markup_mode="markdown")

RoleOption = Annotated[
    Role,
    typer.Option(
        help="What the user may do: `administrator` everything; `analyst` reads, makes analyses and starts work; "
        "`privacy-officer` reads, approves and revokes, and starts nothing.",
        show_default=False,
    ),
]


@app.command()
def add(
    user: UserName, account: OfAccount, role: RoleOption, data: Data = DEFAULT_DATA, as_json: AsJson = False
) -> None:
    """Make a user of an account with an access key, and print the AWS profile that signs with it.

    The secret is shown now and never again; `keys add` makes another key.

    Example: `whiteroom users add --account 111122223333 alice --role analyst`
    """
    settings = existing_folder(data)
    checked_account(account)
    checked_name("a user", user)
    if user == ROOT_USER:
        raise Problem(f"{ROOT_USER!r} is the account itself, and no user's name. Choose another.")
    made = User(new_user_id(), account, user, role, utc_now())
    key = new_key(made)
    with opened_store(settings) as store, store.transaction() as tx:
        account_of(tx, account)
        if tx.users.find(account_id=account, name=user) is not None:
            raise Problem(
                f"Account {account} has a user {user!r} already. `whiteroom keys add --account {account} {user}` gives "
                "it another key."
            )
        tx.users.add(made)
        tx.access_keys.add(key)
    show_key(settings, made, key, as_json=as_json)


@app.command("list")
def list_(account: OnlyAccount = None, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the users of an account, or of all: what each may do, and the keys that sign for it.

    Example: `whiteroom users list --account 111122223333`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store, store.reading() as tx:
        if account is not None:
            account_of(tx, account)
        users = tx.users.all() if account is None else tx.users.all(account_id=account)
        rows = [_document(tx, user) for user in users]
    if as_json:
        say_json(rows)
    elif not rows:
        note("There are no users yet. `whiteroom accounts add ACCOUNT_ID` makes an account with its first.")
    else:
        say_table(
            ("ACCOUNT", "USER", "ROLE", "STATUS", "ACCESS KEYS"),
            [
                (row["accountId"], row["user"], row["role"], row["status"], ", ".join(row["accessKeyIds"]))
                for row in rows
            ],
        )


@app.command()
def change(
    user: UserName, account: OfAccount, role: RoleOption, data: Data = DEFAULT_DATA, as_json: AsJson = False
) -> None:
    """Give a user another role, at once, on a running server too.

    Example: `whiteroom users change --account 111122223333 alice --role administrator`
    """
    with opened_store(existing_folder(data)) as store, store.transaction() as tx:
        changed = _document(tx, tx.users.update(user_of(tx, account, user), role=role))
    say_done(f"User {user} of account {account} has the role {role.value}.", changed, as_json=as_json)


@app.command()
def disable(user: UserName, account: OfAccount, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Have a user's keys and sessions sign no more, at once, on a running server too; `enable` takes that back.

    Example: `whiteroom users disable --account 111122223333 alice`
    """
    changed = _stand(data, account, user, Standing.DISABLED)
    text = f"User {user} of account {account} is disabled: none of its keys signs, nor any session that it has made."
    say_done(text, changed, as_json=as_json)


@app.command()
def enable(user: UserName, account: OfAccount, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Let the keys of a disabled user sign again.

    Example: `whiteroom users enable --account 111122223333 alice`
    """
    changed = _stand(data, account, user, Standing.ENABLED)
    say_done(f"User {user} of account {account} is enabled.", changed, as_json=as_json)


@app.command()
def remove(user: UserName, account: OfAccount, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Take a user away. Its keys and sessions stop at once; what it did stays in the history, under its name.

    A user that is made later under the same name is another one: no role trusts it.

    Example: `whiteroom users remove --account 111122223333 alice`
    """
    with opened_store(existing_folder(data)) as store, store.transaction() as tx:
        found = user_of(tx, account, user)
        end_keys(tx, found)
        for role in tx.roles.all(account_id=account):
            # Trust is in who that was, and not in whoever has the name next.
            if user in role.assumed_by:
                tx.roles.update(role, assumed_by=tuple(name for name in role.assumed_by if name != user))
        tx.users.remove(found)
    left = "" if user != FIRST_USER else f" Its keys were those that `accounts rotate {account}` renews."
    text = f"User {user} of account {account} is gone, and its keys sign no more.{left}"
    say_done(text, {"accountId": account, "user": user, "removed": True}, as_json=as_json)


def _stand(data: Data, account: str, user: str, standing: Standing) -> dict[str, Any]:
    with opened_store(existing_folder(data)) as store, store.transaction() as tx:
        return _document(tx, set_user(tx, user_of(tx, account, user), standing, utc_now()))


def _document(tx: StoreTransaction, user: User) -> dict[str, Any]:
    return {
        "accountId": user.account_id,
        "user": user.name,
        "userId": user.id,
        "role": user.role.value,
        "status": user.standing.value,
        "accessKeyIds": [key.id for key in active_keys(tx, user)],
        "createTime": user.created_at.isoformat(),
    }
