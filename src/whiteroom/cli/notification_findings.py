"""What `whiteroom doctor` says of notifications: whether addresses take what they are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from whiteroom.domain.execution.runs import Finding
from whiteroom.domain.observability.notifications import NotificationAddress, Way
from whiteroom.settings import Settings
from whiteroom.store.sqlite import SqliteStore

_TITLE = "notifications"
FAILS_FOR_LONG = timedelta(hours=1)


def about_notifications(settings: Settings, store: SqliteStore, now: datetime) -> Iterator[Finding]:
    """One finding for each address that fails for long; one for all where none does; none where nobody is told."""
    with store.reading() as tx:
        addresses = tx.notification_addresses.all()
    failing = [one for one in addresses if one.failing_since and now - one.failing_since >= FAILS_FOR_LONG]
    yield from map(_failing, failing)
    by_mail = sum(1 for one in addresses if one.way is Way.EMAIL)
    if by_mail and not settings.smtp_host:
        yield Finding(
            _TITLE,
            ok=False,
            detail=f"No mail server is set up, and {by_mail} of the addresses are of e-mail.",
            remedy="Set smtp_host and smtp_from (docs/notifications.md), and start the server anew.",
        )
    elif addresses and not failing:
        yield Finding(_TITLE, ok=True, detail=f"Addresses: {len(addresses)}, none of which fails for long.")


def _failing(address: NotificationAddress) -> Finding:
    return Finding(
        _TITLE,
        ok=False,
        detail=f"{address.place} of account {address.account_id} takes nothing since "
        f"{address.failing_since:%Y-%m-%d %H:%M:%S} UTC ({address.failures} tries in a row; {address.given_up} notices "
        f"were given up). {address.problem or ''}".rstrip(),
        remedy=f"Mend the receiver, and try `whiteroom notify test {address.id}`; or `whiteroom notify remove` it.",
    )
