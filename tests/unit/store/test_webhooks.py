from __future__ import annotations

from pathlib import Path

from whiteroom.domain.observability.notifications import Webhook
from whiteroom.sealed_store import open_store
from whiteroom.settings import Settings
from whiteroom.store.webhooks import StoreWebhooks

WEBHOOK = Webhook("https://hooks.example.org/services/T0/B0/whoever-knows-it-is-let-in", bytes(range(32)))


def test_a_webhook_is_kept_for_its_address_and_nothing_of_it_is_readable_in_the_file(tmp_path: Path) -> None:
    store = open_store(Settings(data=tmp_path, master_key=str(tmp_path / "elsewhere" / "master.key")))
    kept = StoreWebhooks(store)
    kept.put("a-1", WEBHOOK)
    assert kept.find("a-1") == WEBHOOK
    assert kept.find("a-2") is None
    files = b"".join(path.read_bytes() for path in tmp_path.glob("whiteroom.db*"))
    assert b"whoever-knows" not in files
    assert b"hooks.example.org" not in files
    kept.remove("a-1")
    kept.remove("a-1")
    assert kept.find("a-1") is None
    store.close()
