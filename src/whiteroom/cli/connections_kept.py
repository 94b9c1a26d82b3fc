"""How commands find connections to databases: in the store, which is opened when one is asked for."""

from __future__ import annotations

from whiteroom.cli.folder import opened_store
from whiteroom.databases.kinds import AnyConnection, Connections
from whiteroom.settings import Settings
from whiteroom.store.connections import StoreConnections


def connections_of(settings: Settings) -> Connections:
    """Finds connections in the store of a data folder, which is opened when one is asked for."""

    def find(account_id: str, name: str) -> AnyConnection | None:
        with opened_store(settings, look_only=True) as store:
            return StoreConnections(store).find(account_id, name)

    return find
