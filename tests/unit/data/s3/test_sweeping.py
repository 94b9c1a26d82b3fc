"""What crashes leave in the store goes once it is old, and nothing that is named, or young, or being worked on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from unit.data.s3.conftest import Shelf, channel
from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.sweeping import ORPHANED_AFTER, sweep_store
from whiteroom.domain.execution.data import DataRef

Write = Callable[..., DataRef]
ORPHANS = ["objects/channel/c/orphan", "objects/channel/gone/orphan", "objects/checkpoint/m/orphan"]


def later() -> datetime:
    return datetime.now(UTC) + ORPHANED_AFTER + timedelta(minutes=1)


@pytest.fixture
def littered(shelf: Shelf, write: Write) -> Shelf:
    """A channel that is kept, and what crashes left beside it and elsewhere."""
    data = shelf.data()
    data.keep(write(data, "c", a=b"1", b=b"2"))
    for name in ORPHANS:
        shelf.real.put_object(Bucket=shelf.name, Key=f"own/{name}", Body=b"x")
    shelf.real.put_object(Bucket=shelf.name, Key="another/objects/channel/c/orphan", Body=b"x")
    shelf.real.create_multipart_upload(Bucket=shelf.name, Key="own/objects/channel/c/unfinished")
    return shelf


def test_what_no_manifest_names_goes_once_it_is_old(littered: Shelf) -> None:
    data = littered.data()
    assert sweep_store(data, datetime.now(UTC)) == 1  # the upload: moto says that it began in 2010
    assert set(ORPHANS) <= set(littered.names())
    assert sweep_store(data, later()) == len(ORPHANS)
    assert not set(ORPHANS) & set(littered.names())
    assert littered.uploads() == 0
    assert littered.data("elsewhere").bring(channel("c"))
    assert littered.real.get_object(Bucket=littered.name, Key="another/objects/channel/c/orphan")
    assert sweep_store(data, later()) == 0


def test_what_somebody_is_at_is_left_alone(littered: Shelf) -> None:
    data = littered.data()
    with data.cache.locked(channel("c")), data.cache.locked(channel("gone")):
        assert sweep_store(data, later()) == 1
    assert set(ORPHANS[:2]) <= set(littered.names())
    assert littered.uploads() == 1


def test_objects_of_a_manifest_that_cannot_be_read_stay(littered: Shelf) -> None:
    data = littered.data()
    littered.real.put_object(Bucket=littered.name, Key="own/manifests/channel/c", Body=b"{")
    before = [name for name in littered.names() if name.startswith("objects/channel/c/")]
    sweep_store(data, later())
    assert [name for name in littered.names() if name.startswith("objects/channel/c/")] == before


def test_what_is_kept_no_more_goes_from_the_cache(littered: Shelf) -> None:
    other = littered.data("elsewhere")
    other.bring(channel("c"))
    littered.data().erase(channel("c"))
    assert Path(other.path(channel("c"))).exists()
    sweep_store(other, later())
    assert not Path(other.path(channel("c"))).exists()


def test_a_store_without_an_answer_is_told(littered: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    data = littered.data()
    littered.store.fault = lambda _request: "503"
    with caplog.at_level(logging.ERROR), pytest.raises(Trouble, match="ServiceUnavailable"):
        sweep_store(data, later())
