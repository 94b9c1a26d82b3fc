"""Webhooks' URLs and keys, each sealed as a whole among the server's own secrets: many a URL lets in who knows it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

from whiteroom.domain.observability.notifications import Webhook
from whiteroom.store.sqlite import SqliteStore

_BEGINNING = "webhook "


class StoreWebhooks:
    """The webhooks of all addresses, by the address's id. Safe from any thread, as its store is."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def find(self, address_id: str) -> Webhook | None:
        """The webhook of an address; None where it has none.

        Raises:
            KeyRefused: it cannot be opened.
        """
        kept = self._store.secret(_BEGINNING + address_id)
        if kept is None:
            return None
        document = json.loads(kept)
        return Webhook(document["url"], b64decode(document["key"]))

    def put(self, address_id: str, webhook: Webhook) -> None:
        """Keep the webhook of an address."""
        document = {"url": webhook.url, "key": b64encode(webhook.key).decode()}
        self._store.put_secret(_BEGINNING + address_id, json.dumps(document).encode())

    def remove(self, address_id: str) -> None:
        """Forget it. An absent one is a success."""
        self._store.drop_secret(_BEGINNING + address_id)
