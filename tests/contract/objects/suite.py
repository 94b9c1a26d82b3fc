"""What every implementation of ports.ObjectStore keeps to. Subclass, and give the fixtures `store` and `delivered`."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from whiteroom.ports import ConflictingContents, DeliveryFailed, ObjectStore, StoredObject, TooLarge, UnsafeContents

Delivered = Callable[[], dict[str, bytes]]
"""Everything in every bucket, by `BUCKET/KEY`."""

KEY = "models/m-1/model.tar.gz"


def fill(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def contents(archive: Path) -> dict[str, bytes | None]:
    """The members by name; None for what is no regular file."""
    with tarfile.open(archive, "r:gz") as tar:
        found = {}
        for member in tar:
            file = tar.extractfile(member)
            found[member.name] = None if file is None else file.read()
        return found


class ObjectStoreContract:
    def test_what_is_packed_is_found_whole_under_its_key(self, store: ObjectStore, tmp_path: Path) -> None:
        folder = fill(tmp_path / "job", a=b"one", b=b"")
        fill(folder / "sub" / "deep", c=b"two" * 500_000)
        kept = store.pack({"algo-1": folder}, KEY, None)
        assert contents(store.local_path(KEY)) == {
            "a": b"one", "b": b"", "sub/deep/c": b"two" * 500_000
        }  # fmt: skip
        assert kept == StoredObject(KEY, store.local_path(KEY).stat().st_size, 1_500_003)
        assert store.stat(KEY) == kept

    def test_folders_without_files_are_kept_as_an_archive_of_nothing(self, store: ObjectStore, tmp_path: Path) -> None:
        (tmp_path / "job" / "empty").mkdir(parents=True)
        assert store.pack({"algo-1": tmp_path / "job"}, KEY, 0).content_bytes == 0
        assert contents(store.local_path(KEY)) == {}

    def test_the_same_contents_give_the_same_bytes(self, store: ObjectStore, tmp_path: Path) -> None:
        store.pack({"algo-1": fill(tmp_path / "one", a=b"1", b=os.urandom(3_000_000))}, "one", None)
        other = fill(tmp_path / "two", b=(tmp_path / "one" / "b").read_bytes(), a=b"1")
        os.utime(other / "a", (5, 5))
        (other / "a").chmod(0o640)
        store.pack({"algo-1": other}, "two", None)
        assert store.local_path("one").read_bytes() == store.local_path("two").read_bytes()

    def test_a_repeat_replaces_what_stood_there(self, store: ObjectStore, tmp_path: Path) -> None:
        store.pack({"algo-1": fill(tmp_path / "one", a=b"1")}, KEY, None)
        second = store.pack({"algo-1": fill(tmp_path / "two", a=b"22")}, KEY, None)
        assert store.stat(KEY) == second
        assert contents(store.local_path(KEY)) == {"a": b"22"}

    def test_what_hosts_left_is_merged_and_what_is_the_same_is_kept_once(
        self, store: ObjectStore, tmp_path: Path
    ) -> None:
        one, two = fill(tmp_path / "one", a=b"1", same=b"s" * 3_000_000), fill(tmp_path / "two", same=b"s" * 3_000_000)
        fill(one / "both", x=b"x")
        fill(two / "both", y=b"y")
        fill(two / "own", z=b"z")
        folders = {"algo-1": one, "algo-2": two, "algo-3": fill(tmp_path / "three")}
        assert store.measure(folders) == 3_000_004
        assert store.pack(folders, KEY, 3_000_004).content_bytes == 3_000_004
        assert contents(store.local_path(KEY)) == {
            "a": b"1", "both/x": b"x", "both/y": b"y", "own/z": b"z",
            "same": b"s" * 3_000_000,
        }  # fmt: skip

    @pytest.mark.parametrize("other", [b"1" * 2_000_000 + b"3", b"1"])
    def test_different_contents_under_one_path_are_refused_with_the_path_and_the_hosts(
        self, store: ObjectStore, tmp_path: Path, other: bytes
    ) -> None:
        one, two = tmp_path / "one", tmp_path / "two"
        fill(fill(one) / "deep", a=b"1" * 2_000_000 + b"2")
        fill(fill(two) / "deep", a=other)
        with pytest.raises(ConflictingContents, match="deep/a is not the same on algo-1 and algo-2"):
            store.pack({"algo-1": one, "algo-2": two}, KEY, None)
        assert store.stat(KEY) is None

    def test_a_file_where_another_host_has_a_folder_is_refused(self, store: ObjectStore, tmp_path: Path) -> None:
        one, two = fill(tmp_path / "one", a=b"1"), fill(tmp_path / "two")
        fill(two / "a", b=b"2")
        with pytest.raises(ConflictingContents, match="a is a folder on algo-2 and a file on algo-1"):
            store.pack({"algo-1": one, "algo-2": two}, KEY, None)

    def test_a_link_on_any_host_is_refused(self, store: ObjectStore, tmp_path: Path) -> None:
        one, two = fill(tmp_path / "one", a=b"1"), fill(tmp_path / "two")
        (two / "a").symlink_to("/etc/passwd")
        with pytest.raises(UnsafeContents, match="a is a link"):
            store.pack({"algo-1": one, "algo-2": two}, KEY, None)

    def test_the_limit_itself_is_allowed_and_a_byte_more_keeps_nothing(
        self, store: ObjectStore, tmp_path: Path
    ) -> None:
        folder = fill(tmp_path / "job", a=b"12345", b=b"678")
        assert store.pack({"algo-1": folder}, KEY, 8).content_bytes == 8
        store.delete(KEY)
        with pytest.raises(TooLarge) as caught:
            store.pack({"algo-1": folder}, KEY, 7)
        assert (caught.value.size_bytes, caught.value.limit_bytes) == (8, 7)
        assert store.stat(KEY) is None

    def test_a_refused_folder_leaves_what_was_kept_before(self, store: ObjectStore, tmp_path: Path) -> None:
        kept = store.pack({"algo-1": fill(tmp_path / "one", a=b"1")}, KEY, None)
        (tmp_path / "one" / "link").symlink_to("/etc/passwd")
        with pytest.raises(UnsafeContents, match=r"^link is a link"):
            store.pack({"algo-1": tmp_path / "one"}, KEY, None)
        assert store.stat(KEY) == kept

    def test_a_sparse_file_is_measured_at_its_full_length(self, store: ObjectStore, tmp_path: Path) -> None:
        folder = fill(tmp_path / "job", a=b"12345")
        os.truncate(folder / "a", 10**12)
        assert store.measure({"algo-1": folder}) == 10**12
        with pytest.raises(TooLarge):
            store.pack({"algo-1": folder}, KEY, 10**9)

    def test_what_is_not_there_is_none_and_a_key_error(self, store: ObjectStore) -> None:
        assert store.stat(KEY) is None
        with pytest.raises(KeyError):
            store.local_path(KEY)

    def test_delete_takes_the_key_and_what_lies_below_and_nothing_beside(
        self, store: ObjectStore, tmp_path: Path
    ) -> None:
        folder = fill(tmp_path / "job", a=b"1")
        for key in ("m/1/model", "m/1/output", "m/2/model", "m-1"):
            store.pack({"algo-1": folder}, key, None)
        store.delete("m/1")
        store.delete("m/1")
        assert [store.stat(key) is None for key in ("m/1/model", "m/1/output", "m/2/model", "m-1")] == [
            True, True, False, False
        ]  # fmt: skip
        store.delete("m")
        assert store.stat("m/2/model") is None
        assert store.stat("m-1") is not None

    @pytest.mark.parametrize(
        "key", ["", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", "a b", "a\0", "ä", "a+b"]
    )
    def test_a_key_that_is_not_plain_is_refused(self, store: ObjectStore, tmp_path: Path, key: str) -> None:
        folder = fill(tmp_path / "job", a=b"1")
        for call in (
            lambda: store.pack({"algo-1": folder}, key, None),
            lambda: store.stat(key),
            lambda: store.local_path(key),
            lambda: store.delete(key),
        ):
            with pytest.raises(ValueError, match="is not made of"):
                call()

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
        self, store: ObjectStore, delivered: Delivered, tmp_path: Path, location: str, start: str
    ) -> None:
        folder = fill(tmp_path / "job", a=b"1", b=b"2")
        store.deliver(location, "c-1/model/111122223333", [("a.out", folder / "a"), ("sub/b.out", folder / "b")])
        below = start + "c-1/model/111122223333/"
        assert delivered() == {below + "a.out": b"1", below + "sub/b.out": b"2"}

    def test_a_repeated_delivery_replaces_its_files_and_leaves_others(
        self, store: ObjectStore, delivered: Delivered, tmp_path: Path
    ) -> None:
        folder = fill(tmp_path / "job", a=b"1", b=b"2")
        store.deliver("s3://hospital-a", "job", [("x/a", folder / "a"), ("b", folder / "b")])
        store.deliver("s3://hospital-a", "job", [("x/a", folder / "b")])
        assert delivered() == {"hospital-a/job/x/a": b"2", "hospital-a/job/b": b"2"}

    def test_one_refused_source_delivers_nothing(
        self, store: ObjectStore, delivered: Delivered, tmp_path: Path
    ) -> None:
        folder = fill(tmp_path / "job", a=b"1")
        (folder / "b").symlink_to("/etc/passwd")
        for _ in range(2):
            with pytest.raises(UnsafeContents, match=r"^b\.out is a link"):
                store.deliver("s3://hospital-a/r", "job", [("a.out", folder / "a"), ("b.out", folder / "b")])
        assert delivered() == {}

    def test_what_is_not_confirmed_once_it_is_copied_is_not_delivered(
        self, store: ObjectStore, delivered: Delivered, tmp_path: Path
    ) -> None:
        class TakenBackError(Exception):
            pass

        def take_back() -> None:
            raise TakenBackError

        folder = fill(tmp_path / "job", a=b"1", b=b"2")
        with pytest.raises(TakenBackError):
            store.deliver("s3://hospital-a", "job", [("a", folder / "a")], take_back)
        assert delivered() == {}
        store.deliver("s3://hospital-a", "job", [("a", folder / "a")], lambda: None)
        with pytest.raises(TakenBackError):
            store.deliver("s3://hospital-a", "job", [("a", folder / "b")], take_back)
        assert delivered() == {"hospital-a/job/a": b"1"}

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
        self, store: ObjectStore, delivered: Delivered, tmp_path: Path, location: str
    ) -> None:
        with pytest.raises(DeliveryFailed) as caught:
            store.deliver(location, "job", [("a", fill(tmp_path / "job", a=b"1") / "a")])
        assert delivered() == {}
        assert str(caught.value).startswith("The receiver's location ")
        assert "s3" not in str(caught.value)

    @pytest.mark.parametrize("name", ["", "/a", "../a", "a/../../b", "a b", "a\n"])
    def test_a_name_that_is_not_plain_is_refused(self, store: ObjectStore, tmp_path: Path, name: str) -> None:
        with pytest.raises(ValueError, match="is not made of"):
            store.deliver("s3://hospital-a", "job", [(name, fill(tmp_path / "job", a=b"1") / "a")])
