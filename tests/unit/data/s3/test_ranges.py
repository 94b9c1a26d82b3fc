"""Blocks are what was kept, or an error; a store that is away is waited for as long as patience lasts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from unit.data.s3.conftest import Shelf, channel
from whiteroom.data.s3.data import S3Data
from whiteroom.data.s3.lenders import Lenders
from whiteroom.data.s3.manifests import BLOCK_BYTES, BrokenManifest, KeptFile, Manifest, objects_of
from whiteroom.data.s3.ranges import Ranges, Unreadable
from whiteroom.domain.execution.data import DataRef

Write = Callable[..., DataRef]
CONTENT = b"a" * BLOCK_BYTES + b"b" * BLOCK_BYTES + b"end"


@dataclass
class Clock:
    """Time that passes while somebody pauses."""

    seconds: float = 0.0
    pauses: list[float] = field(default_factory=list)
    on_pause: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds
        self.on_pause()


@pytest.fixture
def file(shelf: Shelf, write: Write) -> KeptFile:
    data = shelf.data()
    assert data.keep(write(data, "c", rows=CONTENT))
    return data.kept(channel("c"))["rows"]


def ranges(shelf: Shelf, clock: Clock, patience_seconds: float = 60.0) -> Ranges:
    return Ranges(shelf.bucket(), patience_seconds, clock.now, clock.pause)


def block(ranges: Ranges, file: KeptFile, index: int) -> bytes:
    return ranges.block(objects_of(channel("c")), file, index)


def test_every_block_is_brought_alone(shelf: Shelf, file: KeptFile) -> None:
    found = ranges(shelf, Clock())
    shelf.store.asked.clear()
    assert b"".join(block(found, file, index) for index in range(3)) == CONTENT
    asked = [request.range for request in shelf.store.asked if "/objects/" in request.path]
    assert asked == ["bytes=0-4194303", "bytes=4194304-8388607", "bytes=8388608-8388610"]


def test_a_store_that_is_away_is_asked_again_after_pauses_that_grow(shelf: Shelf, file: KeptFile) -> None:
    clock = Clock()
    found = ranges(shelf, clock)
    block(found, file, 0)
    shelf.store.fault = lambda _request: "503"

    def comes_back() -> None:
        if len(clock.pauses) == 6:
            shelf.store.fault = lambda _request: ""

    clock.on_pause = comes_back
    assert block(found, file, 2) == b"end"
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]


def test_a_store_that_stays_away_is_given_up_after_its_time_with_a_reason_for_each_reader(
    shelf: Shelf, file: KeptFile
) -> None:
    clock = Clock()
    shelf.store.fault = lambda request: "503" if request.range else ""
    with pytest.raises(Unreadable, match=r"^the store gave nothing for 3 s$") as error:
        block(ranges(shelf, clock, 3.0), file, 0)
    assert clock.seconds <= 3.0
    assert error.value.may_pass
    assert "s3:GetObject on s3://" in error.value.for_operator


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"!", b"!" + CONTENT[1:], CONTENT[:-1], b"", CONTENT + b"more"])
def test_an_object_that_was_changed_is_never_read_as_it_is_now(shelf: Shelf, file: KeptFile, content: bytes) -> None:
    found = ranges(shelf, Clock())
    block(found, file, 0)
    shelf.real.put_object(Bucket=shelf.name, Key=f"own/{objects_of(channel('c'))}{file.object}", Body=content)
    for index in range(3):
        with pytest.raises(Unreadable, match="not what was kept") as error:
            block(found, file, index)
        assert not error.value.may_pass


def test_a_block_of_an_object_that_was_changed_before_anybody_looked_is_held_to_its_checksum(
    shelf: Shelf, file: KeptFile
) -> None:
    shelf.real.put_object(
        Bucket=shelf.name, Key=f"own/{objects_of(channel('c'))}{file.object}", Body=CONTENT[:-1] + b"!"
    )
    found = ranges(shelf, Clock())
    assert block(found, file, 0) == CONTENT[:BLOCK_BYTES]
    with pytest.raises(Unreadable):
        block(found, file, 2)


def test_an_object_that_is_gone_is_told_at_once(shelf: Shelf, file: KeptFile) -> None:
    clock = Clock()
    shelf.real.delete_object(Bucket=shelf.name, Key=f"own/{objects_of(channel('c'))}{file.object}")
    with pytest.raises(Unreadable, match="gone") as error:
        block(ranges(shelf, clock), file, 0)
    assert (clock.pauses, error.value.may_pass) == ([], False)


def test_a_manifest_of_an_earlier_release_has_no_checksums_of_blocks_and_is_read(shelf: Shelf, file: KeptFile) -> None:
    document = json.loads(Manifest((file,)).dump())
    del document["files"][0]["blocks"]
    (found,) = Manifest.load(json.dumps(document).encode()).files
    assert found.block_sums() == ()
    assert block(ranges(shelf, Clock()), found, 1) == CONTENT[BLOCK_BYTES : 2 * BLOCK_BYTES]


@pytest.mark.parametrize("blocks", ["AAAA", "no base64", "="])
def test_checksums_of_another_number_of_blocks_are_not_believed(file: KeptFile, blocks: str) -> None:
    assert len(file.block_sums()) == 3
    with pytest.raises(BrokenManifest):
        replace(file, blocks=blocks).block_sums()


def test_files_without_a_byte_have_no_block(shelf: Shelf, write: Write) -> None:
    data = shelf.data()
    data.keep(write(data, "c", rows=b""))
    assert data.kept(channel("c"))["rows"].block_sums() == ()


def test_what_is_offered_is_there_at_once_and_brought_by_nobody(shelf: Shelf, file: KeptFile) -> None:
    lenders = Lenders("", "", 0, "", "")
    elsewhere = S3Data(shelf.tmp / "elsewhere", shelf.bucket(), 10**9, frozenset, lenders=lenders)
    shelf.store.asked.clear()
    assert elsewhere.offer(channel("c"))
    assert elsewhere.elsewhere(channel("c")) == ["rows"]
    assert not shelf.store.count("GET", "/objects/")
    assert elsewhere.bring(channel("c"))
    assert elsewhere.offer(channel("c"))
    assert elsewhere.elsewhere(channel("c")) == ()
    assert not elsewhere.offer(channel("nothing"))
    assert elsewhere.elsewhere(channel("nothing")) == ()
    del file
