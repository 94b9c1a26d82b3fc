"""`whiteroom roles`: what users of an account become for a time, by `sts:AssumeRole`."""

from __future__ import annotations

from typing import Annotated

import typer

from whiteroom.base.clock import utc_now
from whiteroom.base.suggestions import meant
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.identities import (
    OfAccount,
    OnlyAccount,
    account_of,
    checked_account,
    checked_name,
    profile_name,
    say_profile,
    user_of,
)
from whiteroom.cli.output import note, say_done, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.cli.users import RoleOption
from whiteroom.domain.resources.accounts import (
    DEFAULT_SESSION_SECONDS,
    EVERY_USER,
    SESSION_SECONDS_RANGE,
    AssumableRole,
    new_role_id,
)

app = typer.Typer(rich_markup_mode="markdown")

RoleName = Annotated[str, typer.Argument(metavar="NAME", help="The role's name.", show_default=False)]


@app.command()
def add(
    name: RoleName,
    account: OfAccount,
    role: RoleOption,
    assumed_by: Annotated[
        list[str],
        typer.Option(
            metavar="USER", help="A user of the account who may assume it; again for more, or `*`.", show_default=False
        ),
    ],
    max_session_seconds: Annotated[
        int, typer.Option(help="How long a session of it lasts at most.")
    ] = DEFAULT_SESSION_SECONDS,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make a role that users of the account may assume, and print the AWS profile that does.

    Its ARN is `arn:aws:iam::ACCOUNT:role/NAME`. It is for users of its own account; another account is refused.

    Example: `whiteroom roles add --account 111122223333 nightly --role analyst --assumed-by alice`
    """
    settings = existing_folder(data)
    checked_account(account)
    checked_name("a role", name)
    least, most = SESSION_SECONDS_RANGE
    if not least <= max_session_seconds <= most:
        raise Problem(
            f"--max-session-seconds is {max_session_seconds}; it must be from {least} to {most}, as AWS's is."
        )
    trusted = tuple(dict.fromkeys(assumed_by))
    made = AssumableRole(new_role_id(), account, name, role, trusted, max_session_seconds, utc_now())
    with opened_store(settings) as store, store.transaction() as tx:
        account_of(tx, account)
        users = [user_of(tx, account, user) for user in trusted if user != EVERY_USER]
        if tx.roles.find(account_id=account, name=name) is not None:
            raise Problem(
                f"Account {account} has a role {name!r} already. "
                f"`whiteroom roles remove --account {account} {name}` takes it away."
            )
        tx.roles.add(made)
        users = users or list(tx.users.all(account_id=account))
    if as_json:
        say_json(_document(made))
        return
    note("Put this into ~/.aws/config, beside the profile that it names as its source.")
    source = profile_name(users[0]) if users else f"whiteroom-{account}"
    say_profile(settings, f"{source}-{name}", {"role_arn": made.arn, "source_profile": source})


@app.command("list")
def list_(account: OnlyAccount = None, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the roles of an account, or of all: what each may do, and who may assume it.

    Example: `whiteroom roles list --account 111122223333`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store, store.reading() as tx:
        if account is not None:
            account_of(tx, account)
        roles = tx.roles.all() if account is None else tx.roles.all(account_id=account)
    if as_json:
        say_json([_document(role) for role in roles])
    elif not roles:
        note("There are no roles yet. `whiteroom roles add` makes one.")
    else:
        say_table(
            ("ACCOUNT", "NAME", "ROLE", "ASSUMED BY", "SECONDS", "ARN"),
            [
                (
                    *(role.account_id, role.name, role.role.value),
                    *(", ".join(role.assumed_by), role.max_session_seconds, role.arn),
                )
                for role in roles
            ],
        )


@app.command()
def remove(name: RoleName, account: OfAccount, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Take a role away. Its sessions stop at once, on a running server too.

    Example: `whiteroom roles remove --account 111122223333 nightly`
    """
    with opened_store(existing_folder(data)) as store, store.transaction() as tx:
        account_of(tx, account)
        found = tx.roles.find(account_id=account, name=name)
        if found is None:
            names = [role.name for role in tx.roles.all(account_id=account)]
            known = f"Its roles are: {', '.join(names)}." if names else "It has none."
            raise Problem(f"Account {account} has no role {name!r}.{meant(name, names)} {known}")
        tx.roles.remove(found)
    text = f"Role {name} of account {account} is gone, and its sessions sign no more."
    say_done(text, {"accountId": account, "name": name, "removed": True}, as_json=as_json)


def _document(role: AssumableRole) -> dict[str, object]:
    return {
        "accountId": role.account_id,
        "name": role.name,
        "arn": role.arn,
        "role": role.role.value,
        "assumedBy": list(role.assumed_by),
        "maxSessionSeconds": role.max_session_seconds,
        "createTime": role.created_at.isoformat(),
    }
