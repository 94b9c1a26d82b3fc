"""Bytes that are kept are counted as their member's, once, and no more of them than its quotas allow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.failpoints import crash_at
from support.worlds.driven import World
from support.worlds.records import MEMBERSHIPS, ROOM
from support.worlds.requests import ALICE, BOB
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.domain.resources.holdings import Holding, HoldingKind
from whiteroom.domain.resources.quotas import Quota, Quotas
from whiteroom.domain.resources.trained_models import artefacts
from whiteroom.ports.store import Work
from whiteroom.reads.holdings import held_by_collaboration, held_by_membership

MEMBERSHIP, COLLABORATION = Quota.STORED_BYTES_PER_MEMBERSHIP, Quota.STORED_BYTES_PER_COLLABORATION
ROWS_BYTES = 8
"""What the fake engine says of a result."""
LOG_BYTES = 1_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def held(world: World, kind: HoldingKind) -> list[Holding]:
    with world.store.reading() as tx:
        return [holding for holding in tx.holdings.all(is_held=True) if holding.kind is kind]


def driven(world: World, work: Work, record_id: str) -> tuple[str, str, str]:
    """Status and statusDetails once it is at rest."""
    world.drive()
    record = world.get(work, record_id)
    return record.status.value, record.status_code or "", record.status_message or ""


def test_rows_of_a_channel_are_its_members_until_they_are_erased(world: World) -> None:
    channel = world.channel()
    world.drive()
    (holding,) = held(world, HoldingKind.CHANNEL)
    assert (holding.resource, holding.size_bytes, holding.account_id) == (channel.arn, ROWS_BYTES, ALICE)
    world.clock.now += timedelta(hours=1)
    world.ask(Work.ML_INPUT_CHANNELS, channel.id, Event.DELETE)
    assert held(world, HoldingKind.CHANNEL)
    world.drive()
    assert not held(world, HoldingKind.CHANNEL)
    with world.store.reading() as tx:
        ended = tx.holdings.get(holding.id)
        assert ended is not None
        assert ended.ended_at is not None
        assert ended.ended_at - ended.created_at >= timedelta(hours=1)


def test_a_channel_that_does_not_fit_fails_with_both_figures_and_its_rows_go(world: World) -> None:
    world.quotas = Quotas({MEMBERSHIP: ROWS_BYTES - 1})
    channel = world.channel()
    status, code, message = driven(world, Work.ML_INPUT_CHANNELS, channel.id)
    assert (status, code) == ("CREATE_FAILED", "StorageQuotaExceeded")
    assert "fewer than 100 bytes" in message
    assert "is 7." in message
    assert world.get(Work.ML_INPUT_CHANNELS, channel.id).source_associations, "owners are told what it read"
    assert not held(world, HoldingKind.CHANNEL)
    assert not (world.channels / channel.id).exists()


def test_what_fits_to_the_last_byte_is_kept(world: World) -> None:
    world.quotas = Quotas({MEMBERSHIP: 2 * ROWS_BYTES, COLLABORATION: 2 * ROWS_BYTES})
    first, second, third = (world.channel(name=name) for name in ("one", "two", "three"))
    world.drive()
    statuses = sorted(world.get(Work.ML_INPUT_CHANNELS, one.id).status.value for one in (first, second, third))
    assert statuses == ["ACTIVE", "ACTIVE", "CREATE_FAILED"]
    with world.store.reading() as tx:
        assert held_by_membership(tx, MEMBERSHIPS[ALICE]) == 2 * ROWS_BYTES
        assert held_by_collaboration(tx, ROOM) == 2 * ROWS_BYTES
        assert held_by_membership(tx, MEMBERSHIPS[BOB]) == 0


def test_archives_of_a_model_count_as_they_are_stored_and_its_log_once_it_is_over(world: World) -> None:
    model = world.model()
    world.drive()
    (holding,) = held(world, HoldingKind.ARTEFACTS)
    folder = Path(world.data.path(artefacts(model.id)))
    assert holding.size_bytes == sum(path.stat().st_size for path in folder.iterdir())
    (log,) = held(world, HoldingKind.LOG)
    assert (log.resource, log.size_bytes) == (model.arn, LOG_BYTES)
    world.ask(Work.TRAINED_MODELS, model.id, Event.DELETE)
    world.drive()
    assert not held(world, HoldingKind.ARTEFACTS)
    assert not held(world, HoldingKind.LOG)


def test_a_model_that_does_not_fit_fails_and_nothing_of_it_is_kept_but_its_log(world: World) -> None:
    world.quotas = Quotas({MEMBERSHIP: 20})
    model = world.model()
    status, code, message = driven(world, Work.TRAINED_MODELS, model.id)
    assert (status, code) == ("CREATE_FAILED", "StorageQuotaExceeded")
    assert "is 20." in message
    assert not Path(world.data.path(artefacts(model.id))).exists()
    assert held(world, HoldingKind.LOG)


def test_what_a_training_saved_that_ran_too_long_is_kept_only_where_it_fits(world: World) -> None:
    world.runtime.end = RunEnd(EndReason.MAX_RUNTIME)
    kept = world.model(name="kept")
    world.drive()
    (holding,) = held(world, HoldingKind.ARTEFACTS)
    assert holding.resource == kept.arn
    refused = world.model(name="refused")
    world.quotas = Quotas({MEMBERSHIP: holding.size_bytes + LOG_BYTES + 2 * ROWS_BYTES})
    status, code, message = driven(world, Work.TRAINED_MODELS, refused.id)
    assert (status, code) == ("CREATE_FAILED", "MaxRuntimeExceeded")
    assert "Nothing of what it saved is kept: What it gave has" in message
    assert world.get(Work.TRAINED_MODELS, refused.id).partial_bytes is None
    assert not Path(world.data.path(artefacts(refused.id))).exists()
    assert len(held(world, HoldingKind.ARTEFACTS)) == 1


def test_results_that_do_not_fit_are_delivered_to_none_of_their_receivers(world: World) -> None:
    world.default_location = "s3://results/all"
    world.allow_receivers(ALICE, BOB)
    world.quotas = Quotas({MEMBERSHIP: 2 * ROWS_BYTES - 1})
    query = world.query(receivers=({"accountId": ALICE}, {"accountId": BOB}))
    status, code, _ = driven(world, Work.PROTECTED_QUERIES, query.id)
    assert (status, code) == ("FAILED", "StorageQuotaExceeded")
    assert not held(world, HoldingKind.RESULT)
    assert not [path for path in (world.tmp / "objects").rglob("*") if path.is_file()]


def test_results_are_owed_by_who_asked_for_them_whoever_received_them(world: World) -> None:
    world.default_location = "s3://results/all"
    world.allow_receivers(ALICE, BOB)
    query = world.query(receivers=({"accountId": ALICE}, {"accountId": BOB}))
    assert driven(world, Work.PROTECTED_QUERIES, query.id)[0] == "SUCCESS"
    results = held(world, HoldingKind.RESULT)
    assert len(results) == 2
    assert {holding.account_id for holding in results} == {ALICE}


@pytest.mark.parametrize("visit", range(1, 9))
@pytest.mark.parametrize("point", ["planned", "acted", "recorded"])
def test_a_crash_anywhere_counts_everything_once(world: World, point: str, visit: int) -> None:
    model = world.model()
    world.drive(world.reconciler(crash_at(point, visit)))
    world.drive()
    stored = world.get(Work.TRAINED_MODELS, model.id).stored_bytes
    with world.store.reading() as tx:
        assert held_by_membership(tx, MEMBERSHIPS[ALICE]) == ROWS_BYTES + stored + LOG_BYTES
        assert len(tx.holdings.all()) == 3
