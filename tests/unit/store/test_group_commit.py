"""Operations of one turn share one commit, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from whiteroom.domain.resources.accounts import Account
from whiteroom.ports.transaction import Transaction
from whiteroom.store.group_commit import GroupCommit
from whiteroom.store.sqlite import SqliteStore

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "whiteroom.db")
    yield store
    store.close()


def add(number: int) -> Callable[[Transaction], int]:
    def work(tx: Transaction) -> int:
        tx.accounts.add(Account(f"{number:012}", "name", NOON))
        return number

    return work


def accounts(store: SqliteStore) -> list[str]:
    with store.reading() as tx:
        return [account.id for account in tx.accounts.all()]


def test_writes_of_one_turn_are_all_answered_and_all_durable(store: SqliteStore) -> None:
    async def turn() -> list[int]:
        turns = GroupCommit(store)
        return await asyncio.gather(*(turns.write(add(number)) for number in range(20)))

    assert asyncio.run(turn()) == list(range(20))
    assert accounts(store) == [f"{number:012}" for number in range(20)]


def test_writes_of_one_turn_are_committed_once(store: SqliteStore) -> None:
    async def turn() -> list[str]:
        turns = GroupCommit(store)
        seen: list[str] = []
        waiting = [asyncio.ensure_future(turns.write(add(number))) for number in range(5)]
        assert turns._writing is None
        await asyncio.sleep(0)
        assert turns._writing is not None
        turns._writing.connection.set_trace_callback(seen.append)
        await asyncio.gather(*waiting)
        return seen

    assert [statement for statement in asyncio.run(turn()) if statement == "COMMIT"] == ["COMMIT"]


def test_an_operation_that_fails_takes_nothing_of_the_others_with_it(store: SqliteStore) -> None:
    def fail(tx: Transaction) -> None:
        tx.accounts.add(Account("9" * 12, "name", NOON))
        raise ValueError("no")

    async def turn() -> tuple[object, ...]:
        turns = GroupCommit(store)
        return tuple(
            await asyncio.gather(turns.write(add(1)), turns.write(fail), turns.write(add(2)), return_exceptions=True)
        )

    first, failed, second = asyncio.run(turn())
    assert (first, second) == (1, 2)
    assert isinstance(failed, ValueError)
    assert accounts(store) == ["000000000001", "000000000002"]


def test_no_write_is_answered_before_it_is_durable(store: SqliteStore) -> None:
    async def turn() -> list[str]:
        turns = GroupCommit(store)
        await turns.write(add(7))
        return accounts(store)

    assert asyncio.run(turn()) == ["000000000007"]


def test_every_write_of_a_turn_hears_of_a_commit_that_fails(store: SqliteStore) -> None:
    async def turn() -> tuple[object, ...]:
        turns = GroupCommit(store)
        waiting = [asyncio.ensure_future(turns.write(add(number))) for number in range(3)]
        await asyncio.sleep(0)
        assert turns._writing is not None
        turns._writing.connection.execute("ROLLBACK")  # what is committed next is not there
        return tuple(await asyncio.gather(*waiting, return_exceptions=True))

    assert all(isinstance(answer, sqlite3.OperationalError) for answer in asyncio.run(turn()))
    assert accounts(store) == []


def test_a_read_sees_what_was_committed_and_not_what_the_turn_still_holds(store: SqliteStore) -> None:
    async def turn() -> tuple[int, int]:
        turns = GroupCommit(store)
        writing = asyncio.ensure_future(turns.write(add(1)))
        await asyncio.sleep(0)
        before = await turns.read(lambda tx: len(tx.accounts.all()))
        await writing
        return before, await turns.read(lambda tx: len(tx.accounts.all()))

    assert asyncio.run(turn()) == (0, 1)


def test_reads_of_one_turn_share_one_transaction(store: SqliteStore) -> None:
    async def turn() -> list[str]:
        turns = GroupCommit(store)
        seen: list[str] = []
        turns.view().connection.set_trace_callback(seen.append)
        await asyncio.sleep(0)
        await asyncio.gather(*(turns.read(lambda tx: tx.accounts.get("1" * 12)) for _ in range(5)))
        await asyncio.sleep(0)
        return seen

    ran = [statement for statement in asyncio.run(turn()) if "SELECT" not in statement]
    assert ran == ["COMMIT", "BEGIN", "COMMIT"]


def test_a_read_of_a_later_turn_sees_what_another_process_committed(store: SqliteStore) -> None:
    async def turns_of_reading() -> list[bool]:
        turns, seen = GroupCommit(store), []
        for _ in range(2):
            seen.append(await turns.read(lambda tx: tx.accounts.get(f"{1:012}")) is not None)
            await asyncio.sleep(0)
            if not seen[-1]:
                with store.transaction() as tx:
                    add(1)(tx)
        return seen

    assert asyncio.run(turns_of_reading()) == [False, True]


def test_a_read_that_fails_takes_nothing_of_the_others_with_it(store: SqliteStore) -> None:
    def fail(tx: Transaction) -> int:
        raise ValueError("no")

    async def turn() -> list[object]:
        turns = GroupCommit(store)
        reads = (turns.read(fail), turns.read(lambda tx: len(tx.accounts.all())))
        return list(await asyncio.gather(*reads, return_exceptions=True))

    failed, counted = asyncio.run(turn())
    assert isinstance(failed, ValueError)
    assert counted == 0


def test_what_follows_a_write_under_which_the_disk_filled_up_is_refused_with_the_whole_turn(store: SqliteStore) -> None:
    """SQLite undoes the transaction by itself; a savepoint after that would be one of its own, and durable."""
    turns = GroupCommit(store)

    def fill_up(tx: Transaction) -> None:
        assert turns._writing is not None
        turns._writing.connection.execute("PRAGMA max_page_count=1")  # as many as there are now
        tx.accounts.add(Account("9" * 12, "x" * 100_000, NOON))

    async def turn() -> tuple[object, ...]:
        writes = (turns.write(add(1)), turns.write(fill_up), turns.write(add(2)))
        return tuple(await asyncio.gather(*writes, return_exceptions=True))

    async def two_turns() -> tuple[object, ...]:
        refused = await turn()
        assert turns._writing is not None
        turns._writing.connection.execute("PRAGMA max_page_count=1000000")
        return (*refused, await turns.write(add(3)))

    *refused, done = asyncio.run(two_turns())
    assert all(isinstance(answer, sqlite3.OperationalError) for answer in refused)
    assert done == 3
    assert accounts(store) == ["000000000003"]


def test_what_is_written_of_an_error_is_durable_before_the_error_is_raised_and_nothing_else_stays(
    store: SqliteStore,
) -> None:
    def fail(tx: Transaction) -> None:
        tx.accounts.add(Account("9" * 12, "name", NOON))
        raise ValueError("no")

    def write_down(tx: Transaction, error: Exception) -> None:
        assert "9" * 12 not in [account.id for account in tx.accounts.all()]
        tx.accounts.add(Account("8" * 12, str(error), NOON))

    async def turn() -> tuple[object, ...]:
        turns = GroupCommit(store)

        async def refused() -> list[str]:
            with pytest.raises(ValueError, match="no"):
                await turns.write(fail, write_down)
            return accounts(store)  # on a connection of its own: what is committed

        return tuple(await asyncio.gather(turns.write(add(1)), refused()))

    first, seen = asyncio.run(turn())
    assert first == 1
    assert seen == ["000000000001", "888888888888"]


def test_an_error_that_cannot_be_written_down_is_raised_all_the_same(store: SqliteStore) -> None:
    def fail(_: Transaction) -> None:
        raise ValueError("no")

    def write_down(tx: Transaction, _: Exception) -> None:
        tx.accounts.add(Account("8" * 12, "name", NOON))
        raise LookupError("neither")

    async def turn() -> tuple[object, ...]:
        turns = GroupCommit(store)
        waiting = (turns.write(fail, write_down), turns.write(add(1)))
        return tuple(await asyncio.gather(*waiting, return_exceptions=True))

    failed, first = asyncio.run(turn())
    assert isinstance(failed, ValueError)
    assert first == 1
    assert accounts(store) == ["000000000001"]
