"""Handing out what was delivered: opened before it is let out, and no account in another's way."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.fake_data import RiggedData
from whiteroom.base.faults import Fault, ResourceNotFound, Throttled
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.deliveries import DeliveredFile, Destination
from whiteroom.ports.deliveries import DeliveredBytes
from whiteroom.web.downloads import A_MINUTE, AT_ALL, PER_ACCOUNT, DeliveredDownloads, OpenDownload

ALICE, BOB = "111111111111", "222222222222"
ROWS = bytes(range(256)) * 10
PLACE = Destination("s3://results/of", None, None)
TOLD = {
    "checksumSHA256": base64.b64encode(hashlib.sha256(ROWS).digest()).decode(),
    "contentLength": len(ROWS),
    "location": "s3://results/of/job/rows.csv",
}


class WatchedData(RiggedData):
    """Counts the files that are open, and may hold a read up."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.open = 0
        self.may_read = threading.Event()
        self.may_read.set()

    def open_delivered(
        self, location: str, path: str, file: DeliveredFile, start: int = 0, length: int | None = None
    ) -> Any:
        opened = super().open_delivered(location, path, file, start, length)
        self.open += 1
        return Watched(self, opened)


class Watched:
    def __init__(self, data: WatchedData, opened: DeliveredBytes) -> None:
        self._data = data
        self._opened = opened

    def read(self, limit_bytes: int) -> bytes:
        assert self._data.may_read.wait(30)
        return self._opened.read(limit_bytes)

    def close(self) -> None:
        self._data.open -= 1
        self._opened.close()


@pytest.fixture
def data(tmp_path: Path) -> WatchedData:
    data = WatchedData(tmp_path)
    source = DataRef(DataKind.RESULT, "query")
    folder = Path(data.path(source))
    folder.mkdir(parents=True)
    (folder / "rows.csv").write_bytes(ROWS)
    data.deliver(PLACE, "query", "job", [("rows.csv", source.at("rows.csv"))])
    return data


@pytest.fixture
def downloads(data: WatchedData) -> Iterator[DeliveredDownloads]:
    downloads = DeliveredDownloads(data, lambda: 0.0)
    yield downloads
    downloads.close()


async def nothing() -> None:
    """There is nothing to write down."""


def fetch(
    downloads: DeliveredDownloads,
    account: str = BOB,
    start: int = 0,
    length: int = len(ROWS),
    begin: Callable[[], Awaitable[object]] = nothing,
) -> Awaitable[OpenDownload]:
    return downloads.fetch(account, "rows.csv", TOLD, start, length, begin)


async def everything(file: OpenDownload) -> bytes:
    pieces = []
    while piece := await file.read(100):
        assert len(piece) <= 100
        pieces.append(piece)
    await file.close()
    return b"".join(pieces)


def test_a_part_of_a_file_is_handed_out_in_pieces(downloads: DeliveredDownloads) -> None:
    async def ask() -> bytes:
        return await everything(await fetch(downloads, start=5, length=1_000))

    assert asyncio.run(ask()) == ROWS[5:1_005]


def test_a_file_is_let_out_once_it_is_open_so_that_what_takes_its_place_later_is_never_sent(
    data: WatchedData, downloads: DeliveredDownloads
) -> None:
    async def ask() -> bytes:
        async def begin() -> None:
            assert data.open == 1
            data.deliver(PLACE, "query", "job", [("rows.csv", DataRef(DataKind.RESULT, "query").at("rows.csv"))])

        (Path(data.path(DataRef(DataKind.RESULT, "query"))) / "rows.csv").write_bytes(b"another's")
        return await everything(await fetch(downloads, begin=begin))

    assert asyncio.run(ask()) == ROWS


def test_a_file_that_is_refused_once_it_is_open_is_closed_again(
    data: WatchedData, downloads: DeliveredDownloads
) -> None:
    async def refuse() -> None:
        raise ResourceNotFound("It was replaced.")

    async def ask() -> None:
        for _ in range(PER_ACCOUNT + 1):
            with pytest.raises(ResourceNotFound, match="It was replaced"):
                await fetch(downloads, begin=refuse)

    asyncio.run(ask())
    downloads._threads.shutdown()
    assert data.open == 0


def test_a_file_that_is_gone_is_told_and_takes_no_place(data: WatchedData, downloads: DeliveredDownloads) -> None:
    async def ask() -> None:
        for _ in range(PER_ACCOUNT + 1):
            with pytest.raises(ResourceNotFound, match="Ask the operator"):
                await fetch(downloads)

    (data.root / "objects/results/of/job/rows.csv").unlink()
    asyncio.run(ask())


def test_an_account_has_so_many_downloads_at_a_time_and_no_other_has_fewer_for_it(
    data: WatchedData, downloads: DeliveredDownloads
) -> None:
    async def ask() -> None:
        files = [await fetch(downloads) for _ in range(PER_ACCOUNT)]
        with pytest.raises(Throttled, match="as many as it may"):
            await fetch(downloads)
        assert await everything(await fetch(downloads, ALICE)) == ROWS
        await files[0].close()
        await files[0].close()
        files[0] = await fetch(downloads)
        with pytest.raises(Throttled):
            await fetch(downloads)
        for file in files:
            await file.close()

    asyncio.run(ask())
    downloads._threads.shutdown()
    assert data.open == 0


def test_there_are_so_many_downloads_at_all(downloads: DeliveredDownloads) -> None:
    async def ask() -> Fault:
        files = [await fetch(downloads, f"{number % 50:012}") for number in range(AT_ALL)]
        with pytest.raises(Throttled, match="Try again later") as caught:
            await fetch(downloads)
        for file in files:
            await file.close()
        return caught.value

    assert asyncio.run(ask()).code == "ThrottlingException"


def test_an_account_begins_so_many_downloads_a_minute(data: WatchedData) -> None:
    now = [0.0]
    downloads = DeliveredDownloads(data, lambda: now[0])

    async def ask() -> None:
        for _ in range(A_MINUTE):
            await (await fetch(downloads)).close()
        with pytest.raises(Throttled, match="larger parts"):
            await fetch(downloads)
        await (await fetch(downloads, ALICE)).close()
        now[0] = 60.0
        await (await fetch(downloads)).close()

    asyncio.run(ask())
    downloads.close()


def test_a_disk_that_is_slow_holds_up_those_who_read_from_it_and_not_the_loop(
    data: WatchedData, downloads: DeliveredDownloads
) -> None:
    async def ask() -> bytes:
        file = await fetch(downloads)
        data.may_read.clear()
        reading = asyncio.create_task(everything(file))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not reading.done()
        data.may_read.set()
        return await reading

    assert asyncio.run(ask()) == ROWS
