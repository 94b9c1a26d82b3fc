"""What every implementation of ports.Deliveries keeps to. Subclass, and give the fixtures.

`deliveries` is what is tested, of data whose local folders `place` gives by reference; `delivered` gives all that a
receiver sees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from contract.data.suite import JOB, Place, fill
from whiteroom.domain.execution.deliveries import DeliveredFile, Destination
from whiteroom.ports.data import UnsafeContents
from whiteroom.ports.deliveries import DeliveredBytes, Deliveries, DeliveryFailed, DeliveryGone, KeptResults

Delivered = Callable[[], dict[str, bytes]]
"""Everything in every bucket, by `BUCKET/KEY`."""

ID = "0b7c1f5e-3d0f-4c3a-9a40-5d8c51a4d7a1"
"""Of the job whose files are delivered."""
RECEIVER = "111122223333"


def to(location: str) -> Destination:
    return Destination(location, RECEIVER, f"arn:aws:iam::{RECEIVER}:role/results")


def delivered_file(name: str, contents: bytes) -> DeliveredFile:
    return DeliveredFile(name, len(contents), hashlib.sha256(contents).hexdigest())


def everything(opened: DeliveredBytes) -> bytes:
    """What there is to read, a hundred bytes at a time at most; it is closed twice."""
    pieces = list(iter(lambda: opened.read(100), b""))
    assert all(len(piece) <= 100 for piece in pieces)
    opened.close()
    opened.close()
    return b"".join(pieces)


class DeliveriesContract:
    """Of ports.Deliveries."""

    ports: tuple[type, ...] = (Deliveries,)

    @pytest.mark.parametrize(
        ("location", "start"),
        [
            ("s3://hospital-a/results", "hospital-a/results/"),
            ("s3://hospital-a/results/", "hospital-a/results/"),
            ("s3://hospital-a", "hospital-a/"),
            ("s3://hospital-a/", "hospital-a/"),
            ("s3://a.b.c/x y/ä", "a.b.c/x y/ä/"),
        ],
    )
    def test_files_are_delivered_below_the_location_and_the_path(
        self, deliveries: Deliveries, place: Place, delivered: Delivered, location: str, start: str
    ) -> None:
        fill(place(JOB), a=b"1", b=b"2")
        sources = [("a.out", JOB.at("a")), ("sub/b.out", JOB.at("b"))]
        deliveries.deliver(to(location), ID, "c-1/model/111122223333", sources)
        below = start + "c-1/model/111122223333/"
        assert delivered() == {below + "a.out": b"1", below + "sub/b.out": b"2"}

    def test_a_repeated_delivery_replaces_its_files_and_leaves_others(
        self, deliveries: Deliveries, place: Place, delivered: Delivered
    ) -> None:
        fill(place(JOB), a=b"1", b=b"2")
        deliveries.deliver(to("s3://hospital-a"), ID, "job", [("x/a", JOB.at("a")), ("b", JOB.at("b"))])
        deliveries.deliver(to("s3://hospital-a"), ID, "job", [("x/a", JOB.at("b"))])
        assert delivered() == {"hospital-a/job/x/a": b"2", "hospital-a/job/b": b"2"}

    def test_one_refused_source_delivers_nothing(
        self, deliveries: Deliveries, place: Place, delivered: Delivered
    ) -> None:
        fill(place(JOB), a=b"1")
        (place(JOB) / "b").symlink_to("/etc/passwd")
        for _ in range(2):
            with pytest.raises(UnsafeContents, match=r"^b\.out is a link"):
                deliveries.deliver(to("s3://hospital-a/r"), ID, "job", [("a.out", JOB.at("a")), ("b.out", JOB.at("b"))])
        assert delivered() == {}

    def test_what_is_not_confirmed_once_it_is_copied_is_not_delivered(
        self, deliveries: Deliveries, place: Place, delivered: Delivered
    ) -> None:
        class TakenBackError(Exception):
            pass

        def take_back(_: object) -> None:
            raise TakenBackError

        fill(place(JOB), a=b"1", b=b"2")
        with pytest.raises(TakenBackError):
            deliveries.deliver(to("s3://hospital-a"), ID, "job", [("a", JOB.at("a"))], take_back)
        assert delivered() == {}
        deliveries.deliver(to("s3://hospital-a"), ID, "job", [("a", JOB.at("a"))], lambda _: None)
        with pytest.raises(TakenBackError):
            deliveries.deliver(to("s3://hospital-a"), ID, "job", [("a", JOB.at("b"))], take_back)
        assert delivered() == {"hospital-a/job/a": b"1"}

    def test_whoever_confirms_is_told_the_names_sizes_and_digests_of_what_was_copied(
        self, deliveries: Deliveries, place: Place
    ) -> None:
        told: list[DeliveredFile] = []
        fill(place(JOB), a=b"1" * 3_000_000, b=b"")
        deliveries.deliver(to("s3://hospital-a/r"), ID, "job", [("x/a", JOB.at("a")), ("b", JOB.at("b"))], told.extend)
        assert told == [delivered_file("x/a", b"1" * 3_000_000), delivered_file("b", b"")]

    @pytest.mark.parametrize(
        "location",
        [
            "", "hospital-a", "file:///etc", "s3:/hospital-a", "s3://", "s3:///x", "s3://..", "s3://../x", "s3://A-B",
            "s3://ab", "s3://a" + "b" * 63, "s3://a_b", "s3://1.2.3.4", "s3://a..b", "s3://-abc", "s3://abc-",
            "s3://xn--abc", "s3://abc-s3alias", "s3://abc/../x", "s3://abc/./x", "s3://abc//x", "s3://abc/x\ny",
            "s3://abc/x\0y", "s3://abc/" + "y" * 300, "s3://abc/.delivery-1/x", "s3://abc\n",
        ],
    )  # fmt: skip
    def test_a_location_that_is_none_is_refused(
        self, deliveries: Deliveries, place: Place, delivered: Delivered, location: str
    ) -> None:
        fill(place(JOB), a=b"1")
        with pytest.raises(DeliveryFailed) as caught:
            deliveries.deliver(to(location), ID, "job", [("a", JOB.at("a"))])
        assert delivered() == {}
        assert str(caught.value).startswith("The receiver's location ")
        assert "s3" not in str(caught.value)

    @pytest.mark.parametrize("name", ["", "/a", "../a", "a/../../b", "a b", "a\n"])
    def test_a_name_that_is_not_plain_is_refused(self, deliveries: Deliveries, place: Place, name: str) -> None:
        fill(place(JOB), a=b"1")
        with pytest.raises(UnsafeContents, match=r"is not made of .* let the program give the file another name"):
            deliveries.deliver(to("s3://hospital-a"), ID, "job", [(name, JOB.at("a"))])

    @pytest.mark.parametrize("text", ["/", "..", "a//b", "a b"])
    def test_data_of_a_name_that_is_not_plain_is_not_delivered(self, deliveries: Deliveries, text: str) -> None:
        with pytest.raises(ValueError, match="is not made of"):
            deliveries.deliver(to("s3://hospital-a"), ID, "job", [("a", JOB.at(text))])


class DeliveredBytesContract:
    """Of ports.DeliveredBytes, of deliveries that can be read where they lie."""

    ports: tuple[type, ...] = (DeliveredBytes,)

    def test_what_was_delivered_is_read_whole_or_in_part(self, deliveries: Deliveries, place: Place) -> None:
        fill(place(JOB), a=bytes(range(256)), b=b"")
        deliveries.deliver(to("s3://hospital-a/r/"), ID, "job", [("x/a", JOB.at("a")), ("b", JOB.at("b"))])
        a, b = delivered_file("x/a", bytes(range(256))), delivered_file("b", b"")
        location = "s3://hospital-a/r"
        assert everything(deliveries.open_delivered(location, "job", a)) == bytes(range(256))
        assert everything(deliveries.open_delivered(location, "job", a, 250)) == bytes(range(250, 256))
        assert everything(deliveries.open_delivered(location, "job", a, 5, 10)) == bytes(range(5, 15))
        assert everything(deliveries.open_delivered(location, "job", a, 255, 1)) == b"\xff"
        assert everything(deliveries.open_delivered(location, "job", b)) == b""

    def test_what_is_opened_stays_what_it_was_when_another_delivery_takes_its_place(
        self, deliveries: Deliveries, place: Place
    ) -> None:
        fill(place(JOB), a=b"old", b=b"new")
        deliveries.deliver(to("s3://hospital-a"), ID, "job", [("a", JOB.at("a"))])
        opened = deliveries.open_delivered("s3://hospital-a", "job", delivered_file("a", b"old"))
        deliveries.deliver(to("s3://hospital-a"), ID, "job", [("a", JOB.at("b"))])
        assert everything(opened) == b"old"
        assert everything(deliveries.open_delivered("s3://hospital-a", "job", delivered_file("a", b"new"))) == b"new"

    def test_what_is_not_there_or_is_of_another_size_is_not_opened(self, deliveries: Deliveries, place: Place) -> None:
        fill(place(JOB), a=b"1")
        deliveries.deliver(to("s3://hospital-a/r"), ID, "job", [("x/a", JOB.at("a"))])
        one = delivered_file("x/a", b"1")
        for location, path, file in (
            ("s3://hospital-b/r", "job", one),
            ("s3://hospital-a", "job", one),
            ("s3://hospital-a/r", "another", one),
            ("s3://hospital-a/r", "job", replace(one, name="x/b")),
            ("s3://hospital-a/r", "job", replace(one, name="x")),
            ("s3://hospital-a/r", "job", replace(one, name="x/a/b")),
            ("s3://hospital-a/r", "job", replace(one, size_bytes=2)),
        ):
            with pytest.raises(DeliveryGone, match=r"^The file is .*\. Ask the operator for it\.$"):
                deliveries.open_delivered(location, path, file)

    @pytest.mark.parametrize(
        ("location", "path", "name"),
        [
            ("s3://hospital-a/..", "job", "a"),
            ("s3://hospital-a", "../hospital-b/job", "a"),
            ("s3://hospital-a", "job", "../../hospital-b/a"),
            ("s3://hospital-a", "job", "/etc/passwd"),
        ],
    )
    def test_what_leads_elsewhere_is_not_opened(
        self, deliveries: Deliveries, location: str, path: str, name: str
    ) -> None:
        with pytest.raises(ValueError, match=r"no path can hold|is not made of"):
            deliveries.open_delivered(location, path, delivered_file(name, b"1"))


class KeptResultsContract:
    """Of ports.KeptResults, where what it delivers lies."""

    ports: tuple[type, ...] = (KeptResults,)

    def test_what_was_delivered_is_erased_and_nothing_beside_it(
        self, deliveries: Any, place: Place, delivered: Delivered
    ) -> None:
        mine = sent(deliveries, place, "jobs/mine", {"one.csv": b"1", "folder/two.csv": b"22"})
        sent(deliveries, place, "jobs/other", {"one.csv": b"1"})
        assert deliveries.withdraw(LOCATION, "jobs/mine", mine, lambda: None)
        assert list(delivered()) == ["bucket/prefix/jobs/other/one.csv"]
        assert deliveries.withdraw(LOCATION, "jobs/mine", mine, lambda: None), "again"

    def test_what_was_put_in_its_place_stays(self, deliveries: Any, place: Place, delivered: Delivered) -> None:
        first = sent(deliveries, place, "jobs/mine", {"one.csv": b"1"})
        sent(deliveries, place, "jobs/mine", {"one.csv": b"another"})
        assert deliveries.withdraw(LOCATION, "jobs/mine", first, lambda: None)
        assert delivered() == {"bucket/prefix/jobs/mine/one.csv": b"another"}

    def test_whoever_raises_before_it_is_erased_keeps_it(
        self, deliveries: Any, place: Place, delivered: Delivered
    ) -> None:
        mine = sent(deliveries, place, "jobs/mine", {"one.csv": b"1"})

        def refuse() -> None:
            raise LookupError

        with pytest.raises(LookupError):
            deliveries.withdraw(LOCATION, "jobs/mine", mine, refuse)
        assert delivered() == {"bucket/prefix/jobs/mine/one.csv": b"1"}

    def test_nothing_is_delivered_to_the_folder_while_it_is_erased(
        self, deliveries: Any, place: Place, delivered: Delivered
    ) -> None:
        mine = sent(deliveries, place, "jobs/mine", {"one.csv": b"1"})

        def another() -> None:
            with pytest.raises(DeliveryFailed):
                sent(deliveries, place, "jobs/mine", {"one.csv": b"another"})
            assert not deliveries.withdraw(LOCATION, "jobs/mine", mine, lambda: None)

        assert deliveries.withdraw(LOCATION, "jobs/mine", mine, another)
        assert delivered() == {}


LOCATION = "s3://bucket/prefix"


def sent(deliveries: Any, place: Place, path: str, contents: dict[str, bytes]) -> Sequence[DeliveredFile]:
    """Files that were delivered there, as `confirm` was told of them."""
    told: list[Sequence[DeliveredFile]] = []
    fill(place(JOB), **{f"f{number}": data for number, data in enumerate(contents.values())})
    sources = [(name, JOB.at(f"f{number}")) for number, name in enumerate(contents)]
    deliveries.deliver(to(LOCATION), "job", path, sources, told.append)
    return told[0]
