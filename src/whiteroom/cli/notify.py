"""`whiteroom notify`: where an account is told what ended, and what it has to do."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import typer

from whiteroom.base.addresses import require_mail_address
from whiteroom.base.arns import new_id
from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, made_folder, opened_store
from whiteroom.cli.identities import OfAccount, OnlyAccount, checked_account, require_account
from whiteroom.cli.output import note, say, say_done, say_json, say_table, second
from whiteroom.cli.problems import Problem
from whiteroom.cli.progress import progress
from whiteroom.domain.observability.notifications import TEST, NotificationAddress, Way, Webhook, notice
from whiteroom.opening import mail_server, open_senders
from whiteroom.ports.notifications import NotDelivered
from whiteroom.senders.webhooks import KEY_BYTES, checked_url, secret_text, shown_url
from whiteroom.store.sqlite import SqliteStore
from whiteroom.store.transaction import StoreTransaction
from whiteroom.store.webhooks import StoreWebhooks

app = typer.Typer(rich_markup_mode="markdown")

AddressId = Annotated[
    str, typer.Argument(metavar="ID", help="The address's identifier, as `list` shows it.", show_default=False)
]


@app.command()
def add(
    account: OfAccount,
    url: Annotated[
        str | None, typer.Option("--url", help="A webhook: https, or http on loopback.", show_default=False)
    ] = None,
    email: Annotated[str | None, typer.Option("--email", help="An address of e-mail.", show_default=False)] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Have an account told when a job of its own ends, when it receives a result, and when something waits for it.

    A webhook's requests are signed with a secret, after the specification Standard Webhooks. It is shown now and never
    again. E-mail takes the settings `smtp_host` and `smtp_from`. No member can name an address: `docs/notifications.md`
    says why, and what is told.

    Examples: `whiteroom notify add --account 111122223333 --url https://hooks.example.org/whiteroom`,
    `whiteroom notify add --account 111122223333 --email privacy@hospital.example.org`
    """
    checked_account(account)
    if (url is None) == (email is None):
        raise Problem("Name one place: --url for a webhook, or --email.")
    try:
        if email is not None:
            require_mail_address(email)
        place = email or shown_url(checked_url(url or ""))
    except ValueError as error:
        raise Problem(str(error)) from None
    settings = made_folder(data)
    require_account(settings, account)
    now = utc_now()
    address = NotificationAddress(new_id(), account, Way.WEBHOOK if url else Way.EMAIL, place, now, now)
    webhook = Webhook(url, secrets.token_bytes(KEY_BYTES)) if url else None
    with opened_store(settings) as store:
        if webhook is not None:
            StoreWebhooks(store).put(address.id, webhook)
        with store.transaction() as tx:
            tx.notification_addresses.add(address)
    if as_json:
        say_json({**_document(address, 0), **({} if webhook is None else {"secret": secret_text(webhook)})})
        return
    say(f"Account {account} is told at {place} from now on; the address is {address.id}.")
    if webhook is not None:
        note("The receiver checks signatures with this secret. It is not shown again.")
        say(secret_text(webhook))
    elif mail_server(settings) is None:
        note("No mail is sent before smtp_host and smtp_from are set (docs/notifications.md).")


@app.command("list")
def list_(account: OnlyAccount = None, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List where accounts are told something, what waits for each address, and since when one fails.

    Example: `whiteroom notify list --account 111122223333`
    """
    with opened_store(existing_folder(data), look_only=True) as store, store.reading() as tx:
        found = tx.notification_addresses
        rows = [
            _document(address, len(tx.notices.all(address_id=address.id)))
            for address in (found.all() if account is None else found.all(account_id=account))
        ]
    if as_json:
        say_json(rows)
    elif not rows:
        note("Nobody is told anything. `whiteroom notify add` names an address.")
    else:
        columns = ("ID", "ACCOUNT", "KIND", "PLACE", "WAITING", "GIVEN UP", "FAILS SINCE (UTC)", "PROBLEM")
        say_table(columns, [_cells(row) for row in rows])


@app.command()
def remove(address: AddressId, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Tell nothing more to an address, and forget what waits for it.

    Example: `whiteroom notify remove 3f0c8a52-0f6c-4d53-9f3a-0b6a6a3f1c77`
    """
    with opened_store(existing_folder(data)) as store:
        with store.transaction() as tx:
            found = _address(tx, address)
            remove_address(tx, found)
        StoreWebhooks(store).remove(found.id)
    text = f"Account {found.account_id} is not told at {found.place} any more."
    say_done(text, {"accountId": found.account_id, "id": found.id, "removed": True}, as_json=as_json)


@app.command("test")
def try_out(address: AddressId, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Send a notice of the type `notification.test` to an address now, and say whether it was taken.

    Example: `whiteroom notify test 3f0c8a52-0f6c-4d53-9f3a-0b6a6a3f1c77`
    """
    settings = existing_folder(data)
    with opened_store(settings) as store:
        with store.reading() as tx:
            found = _address(tx, address)
        sent = notice(found, TEST, new_id(), "", {}, utc_now())
        sent = replace(sent, data={"accountId": found.account_id})
        try:
            with progress("Sending"):
                open_senders(settings, store)[found.way].send(found, sent, utc_now())
        except NotDelivered as error:
            raise Problem(f"{found.place} took nothing. {error}") from None
    text = f"{found.place} has taken the notice {sent.id}."
    say_done(text, {"accountId": found.account_id, "id": found.id, "notice": sent.id}, as_json=as_json)


def remove_address(tx: StoreTransaction, address: NotificationAddress) -> None:
    """Take an address away, with all that waits for it."""
    for waiting in tx.notices.all(address_id=address.id):
        tx.notices.remove(waiting)
    for need in tx.needs.all(address_id=address.id):
        tx.needs.remove(need)
    tx.notification_addresses.remove(address)


def remove_addresses(store: SqliteStore, account_id: str) -> None:
    """Take all addresses of an account away."""
    with store.transaction() as tx:
        found = tx.notification_addresses.all(account_id=account_id)
        for address in found:
            remove_address(tx, address)
    for address in found:
        StoreWebhooks(store).remove(address.id)


def _address(tx: StoreTransaction, address_id: str) -> NotificationAddress:
    found = tx.notification_addresses.get(address_id)
    if found is None:
        raise Problem(f"There is no address {address_id}. `whiteroom notify list` lists them.")
    return found


def _document(address: NotificationAddress, waiting: int) -> dict[str, Any]:
    return {
        "accountId": address.account_id,
        "id": address.id,
        "kind": address.way.value,
        "place": address.place,
        "waiting": waiting,
        "givenUp": address.given_up,
        "failingSince": _moment(address.failing_since),
        "problem": address.problem,
        "createTime": _moment(address.created_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    state = (row["waiting"], row["givenUp"], second(row["failingSince"]), row["problem"] or "-")
    return (row["id"], row["accountId"], row["kind"], row["place"], *state)
