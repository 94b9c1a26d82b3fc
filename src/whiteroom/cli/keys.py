"""`whiteroom keys`: the access keys of an account's users. A user may have several."""

from __future__ import annotations

from typing import Annotated

import typer

from whiteroom.administration.accounts import end_key
from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.identities import OfAccount, OnlyAccount, UserName, account_of, new_key, show_key, user_of
from whiteroom.cli.output import note, say_done, say_json, say_table, second
from whiteroom.cli.problems import Problem
from whiteroom.domain.resources.accounts import AccessKeyStatus

app = typer.Typer(rich_markup_mode="markdown")


@app.command()
def add(user: UserName, account: OfAccount, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Give a user one more access key, and print the AWS profile that signs with it.

    The others go on signing, so that programs can change over one by one; `remove` ends those that are no longer
    used. The secret is shown now and never again.

    Example: `whiteroom keys add --account 111122223333 alice`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store, store.transaction() as tx:
        found = user_of(tx, account, user)
        key = new_key(found)
        tx.access_keys.add(key)
    show_key(settings, found, key, as_json=as_json)


@app.command("list")
def list_(account: OnlyAccount = None, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the access keys of an account, or of all: whose each is, and whether it still signs.

    Example: `whiteroom keys list --account 111122223333`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store, store.reading() as tx:
        if account is not None:
            account_of(tx, account)
        keys = tx.access_keys.all() if account is None else tx.access_keys.all(account_id=account)
        names = {user.id: user.name for user in tx.users.all()}
    rows = [
        {
            "accountId": key.account_id,
            "user": names.get(key.user_id),
            "accessKeyId": key.id,
            "status": key.status.value,
            "createTime": key.created_at.isoformat(),
        }
        for key in keys
    ]
    if as_json:
        say_json(rows)
    elif not rows:
        note("There are no keys yet. `whiteroom accounts add ACCOUNT_ID` makes an account with its first.")
    else:
        say_table(
            ("ACCOUNT", "USER", "ACCESS KEY", "STATUS", "MADE (UTC)"),
            [
                (
                    row["accountId"],
                    row["user"] or "(gone)",
                    row["accessKeyId"],
                    row["status"],
                    second(row["createTime"]),
                )
                for row in rows
            ],
        )


@app.command()
def remove(
    key: Annotated[str, typer.Argument(metavar="ACCESS_KEY_ID", help="The key's id.", show_default=False)],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """End an access key, and the sessions that were made with it, at once, on a running server too.

    It stays in the list, INACTIVE; what it signed stays in the history.

    Example: `whiteroom keys remove WRKAXYZ234567ABCDEFG`
    """
    with opened_store(existing_folder(data)) as store, store.transaction() as tx:
        found = tx.access_keys.get(key)
        if found is None:
            raise Problem(f"There is no access key {key!r}. `whiteroom keys list` lists them.")
        end_key(tx, key, utc_now())
    document = {"accountId": found.account_id, "accessKeyId": key, "status": AccessKeyStatus.INACTIVE.value}
    say_done(f"Access key {key} of account {found.account_id} signs no more.", document, as_json=as_json)
