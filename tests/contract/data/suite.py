"""What every implementation of ports.Data and ports.LocalData keeps to. Subclass, and give the fixtures.

`data` is what is tested; `place` gives a local folder whose contents are the data of a reference, and `read` the bytes
of a file of it.
"""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.ports.data import (
    Archive,
    ConflictingContents,
    Data,
    LeftOut,
    LocalData,
    TookTooLong,
    TooLarge,
    UnsafeContents,
)

Place = Callable[[DataRef], Path]
Read = Callable[[DataRef], bytes]

KEPT = DataRef(DataKind.ARTEFACT, "m-1", "model.tar.gz")
JOB = DataRef(DataKind.RUN_OUTPUT, "job")
HOSTS = {"algo-1": JOB.at("one"), "algo-2": JOB.at("two")}
OUTLIVING = [
    DataRef(DataKind.CHANNEL, "c-1"),
    DataRef(DataKind.LAYOUT, "c-1", "2"),
    DataRef(DataKind.RESULT, "q-1"),
    DataRef(DataKind.BASE_MODEL, "m-1"),
    DataRef(DataKind.CHECKPOINT, "m-1", "algo-1"),
    DataRef(DataKind.ARTEFACT, "m-1"),
]
"""What is to be there whatever becomes of the machine."""


def fill(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def contents(archive: bytes) -> dict[str, bytes | None]:
    """The members by name; None for what is no regular file."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        found = {}
        for member in tar:
            file = tar.extractfile(member)
            found[member.name] = None if file is None else file.read()
        return found


class DataContract:
    ports: tuple[type, ...] = (Data,)

    def test_what_is_packed_is_found_whole_under_its_name(self, data: Data, place: Place, read: Read) -> None:
        folder = fill(place(JOB), a=b"one", b=b"")
        fill(folder / "sub" / "deep", c=b"two" * 500_000)
        kept = data.pack({"algo-1": JOB}, KEPT, None)
        assert contents(read(KEPT)) == {"a": b"one", "b": b"", "sub/deep/c": b"two" * 500_000}
        assert kept == Archive(KEPT, len(read(KEPT)), 1_500_003)
        assert data.archive(KEPT) == kept
        assert data.list(DataRef(KEPT.kind, KEPT.id)) == ["model.tar.gz"]

    def test_folders_without_files_are_kept_as_an_archive_of_nothing(
        self, data: Data, place: Place, read: Read
    ) -> None:
        (place(JOB) / "empty").mkdir(parents=True)
        assert data.pack({"algo-1": JOB}, KEPT, 0).content_bytes == 0
        assert contents(read(KEPT)) == {}

    def test_the_same_contents_give_the_same_bytes(self, data: Data, place: Place, read: Read) -> None:
        one = fill(place(JOB.at("one")), a=b"1", b=os.urandom(3_000_000))
        data.pack({"algo-1": JOB.at("one")}, KEPT, None)
        first = read(KEPT)
        other = fill(place(JOB.at("two")), b=(one / "b").read_bytes(), a=b"1")
        os.utime(other / "a", (5, 5))
        (other / "a").chmod(0o640)
        data.pack({"algo-1": JOB.at("two")}, KEPT, None)
        assert read(KEPT) == first

    def test_a_repeat_replaces_what_stood_there(self, data: Data, place: Place, read: Read) -> None:
        fill(place(JOB.at("one")), a=b"1")
        fill(place(JOB.at("two")), a=b"22")
        data.pack({"algo-1": JOB.at("one")}, KEPT, None)
        second = data.pack({"algo-1": JOB.at("two")}, KEPT, None)
        assert data.archive(KEPT) == second
        assert contents(read(KEPT)) == {"a": b"22"}

    def test_what_hosts_left_is_merged_and_what_is_the_same_is_kept_once(
        self, data: Data, place: Place, read: Read
    ) -> None:
        one = fill(place(HOSTS["algo-1"]), a=b"1", same=b"s" * 3_000_000)
        two = fill(place(HOSTS["algo-2"]), same=b"s" * 3_000_000)
        fill(one / "both", x=b"x")
        fill(two / "both", y=b"y")
        fill(two / "own", z=b"z")
        fill(place(JOB.at("three")))
        parts = HOSTS | {"algo-3": JOB.at("three")}
        assert data.measure(parts) == 3_000_004
        assert data.pack(parts, KEPT, 3_000_004).content_bytes == 3_000_004
        assert contents(read(KEPT)) == {
            "a": b"1", "both/x": b"x", "both/y": b"y", "own/z": b"z",
            "same": b"s" * 3_000_000,
        }  # fmt: skip

    @pytest.mark.parametrize("other", [b"1" * 2_000_000 + b"3", b"1"])
    def test_different_contents_under_one_path_are_refused_with_the_path_and_the_hosts(
        self, data: Data, place: Place, other: bytes
    ) -> None:
        fill(place(HOSTS["algo-1"]) / "deep", a=b"1" * 2_000_000 + b"2")
        fill(place(HOSTS["algo-2"]) / "deep", a=other)
        with pytest.raises(ConflictingContents, match="deep/a is not the same on algo-1 and algo-2"):
            data.pack(HOSTS, KEPT, None)
        assert data.archive(KEPT) is None

    def test_a_file_where_another_host_has_a_folder_is_refused(self, data: Data, place: Place) -> None:
        fill(place(HOSTS["algo-1"]), a=b"1")
        fill(place(HOSTS["algo-2"]) / "a", b=b"2")
        with pytest.raises(ConflictingContents, match="a is a folder on algo-2 and a file on algo-1"):
            data.pack(HOSTS, KEPT, None)

    def test_a_link_on_any_host_is_left_out_and_named_and_the_others_file_is_kept(
        self, data: Data, place: Place, read: Read
    ) -> None:
        fill(place(HOSTS["algo-1"]), a=b"1")
        (fill(place(HOSTS["algo-2"])) / "a").symlink_to("/etc/passwd")
        assert data.pack(HOSTS, KEPT, None, links="/opt/ml/model").left_out == LeftOut(
            1, ("a is a link that leads out",)
        )
        assert contents(read(KEPT)) == {"a": b"1"}

    def test_links_that_stay_inside_become_copies_which_count(self, data: Data, place: Place, read: Read) -> None:
        folder = fill(place(JOB) / "step-2", weights=b"12345").parent
        (folder / "latest").symlink_to("step-2")
        (folder / "best").symlink_to("/opt/ml/model/step-2/weights")
        assert data.measure({"algo-1": JOB}, links="/opt/ml/model") == 15
        with pytest.raises(TooLarge):
            data.pack({"algo-1": JOB}, KEPT, 14, links="/opt/ml/model")
        kept = data.pack({"algo-1": JOB}, KEPT, 15, links="/opt/ml/model")
        assert (kept.content_bytes, kept.left_out) == (15, LeftOut())
        assert contents(read(KEPT)) == dict.fromkeys(("best", "latest/weights", "step-2/weights"), b"12345")

    def test_no_link_becomes_a_copy_unless_it_is_asked_for(self, data: Data, place: Place, read: Read) -> None:
        (fill(place(JOB), a=b"12345") / "latest").symlink_to("a")
        assert data.measure({"algo-1": JOB}) == 5
        assert data.pack({"algo-1": JOB}, KEPT, 5).left_out == LeftOut(1, ("latest is a link",))
        assert contents(read(KEPT)) == {"a": b"12345"}

    def test_the_limit_itself_is_allowed_and_a_byte_more_keeps_nothing(self, data: Data, place: Place) -> None:
        fill(place(JOB), a=b"12345", b=b"678")
        assert data.pack({"algo-1": JOB}, KEPT, 8).content_bytes == 8
        data.erase(KEPT)
        with pytest.raises(TooLarge) as caught:
            data.pack({"algo-1": JOB}, KEPT, 7)
        assert (caught.value.size_bytes, caught.value.limit_bytes) == (8, 7)
        assert data.archive(KEPT) is None

    def test_what_takes_too_long_is_given_up_and_keeps_nothing(self, data: Data, place: Place) -> None:
        fill(place(JOB), a=b"1")
        over = time.monotonic() - 1
        with pytest.raises(TookTooLong):
            data.measure({"algo-1": JOB}, over)
        with pytest.raises(TookTooLong):
            data.pack({"algo-1": JOB}, KEPT, None, over)
        assert data.archive(KEPT) is None

    def test_a_refused_folder_leaves_what_was_kept_before(self, data: Data, place: Place) -> None:
        folder = fill(place(JOB), a=b"1")
        kept = data.pack({"algo-1": JOB}, KEPT, None)
        (folder / "a\nb").touch()
        with pytest.raises(UnsafeContents, match="has control characters"):
            data.pack({"algo-1": JOB}, KEPT, None)
        assert data.archive(KEPT) == kept

    def test_a_sparse_file_is_measured_at_its_full_length(self, data: Data, place: Place) -> None:
        os.truncate(fill(place(JOB), a=b"12345") / "a", 10**12)
        assert data.measure({"algo-1": JOB}) == 10**12
        with pytest.raises(TooLarge):
            data.pack({"algo-1": JOB}, KEPT, 10**9)

    def test_what_is_not_there_is_none_and_nothing(self, data: Data) -> None:
        assert data.archive(KEPT) is None
        assert list(data.list(JOB)) == list(data.held(DataKind.RUN_OUTPUT)) == []
        with pytest.raises(FileNotFoundError):
            data.copy(KEPT, DataRef(DataKind.BASE_MODEL, "m-2", "model.tar.gz"))

    def test_what_is_held_of_a_kind_is_named_in_order_and_nothing_of_another(self, data: Data, place: Place) -> None:
        for kind in DataKind:
            for number in (2, 1):
                fill(place(DataRef(kind, f"{kind.name.lower().replace('_', '-')}-{number}", "deep")), file=b"x")
        for kind in DataKind:
            name = kind.name.lower().replace("_", "-")
            assert list(data.held(kind)) == [f"{name}-1", f"{name}-2"]

    def test_files_are_listed_in_order_and_those_in_folders_are_not(self, data: Data, place: Place) -> None:
        fill(fill(place(JOB), b=b"", a=b"1") / "sub", c=b"2")
        assert list(data.list(JOB)) == ["a", "b"]
        assert list(data.list(JOB.at("sub"))) == ["c"]

    def test_a_copy_has_the_bytes_and_is_made_once(self, data: Data, place: Place, read: Read) -> None:
        copy = DataRef(DataKind.BASE_MODEL, "m-2", "model.tar.gz")
        fill(place(JOB), a=b"12345")
        data.copy(JOB.at("a"), copy)
        fill(place(JOB), a=b"another")
        data.copy(JOB.at("a"), copy)
        assert read(copy) == b"12345"
        assert list(data.list(DataRef(copy.kind, copy.id))) == ["model.tar.gz"]
        data.erase(JOB)
        assert read(copy) == b"12345"

    @pytest.mark.parametrize("ref", OUTLIVING, ids=lambda ref: f"{ref.kind} {ref.part}")
    def test_what_was_written_here_is_kept_and_brought_back_with_every_byte(
        self, data: Data, place: Place, read: Read, ref: DataRef
    ) -> None:
        fill(place(ref), a=b"1", b=b"22" * 5_000_000, c=b"")
        for _ in range(2):
            assert data.keep(ref)
            assert [read(ref.at(name)) for name in "abc"] == [b"1", b"22" * 5_000_000, b""]
        for _ in range(2):
            assert data.offer(ref)
            assert data.bring(ref)
            assert {file.name: file.read_bytes() for file in place(ref).iterdir()} == {
                "a": b"1", "b": b"22" * 5_000_000, "c": b"",
            }  # fmt: skip
        data.erase(ref)
        assert not data.keep(ref)
        assert not data.bring(ref)

    def test_what_is_kept_again_replaces_what_was(self, data: Data, place: Place, read: Read) -> None:
        ref = DataRef(DataKind.CHECKPOINT, "m-1", "algo-1")
        fill(place(ref), same=b"s", changed=b"old", gone=b"g")
        data.keep(DataRef(ref.kind, ref.id))
        (fill(place(ref), changed=b"newer", more=b"m") / "gone").unlink()
        data.keep(DataRef(ref.kind, ref.id))
        assert [read(ref.at(name)) for name in ("same", "changed", "more")] == [b"s", b"newer", b"m"]
        assert list(data.list(ref)) == ["changed", "more", "same"]

    def test_nothing_is_neither_kept_nor_brought(self, data: Data) -> None:
        for kind in DataKind:
            assert not data.keep(DataRef(kind, "nothing"))
            assert not data.bring(DataRef(kind, "nothing"))
            assert not data.offer(DataRef(kind, "nothing"))
            assert list(data.held(kind)) == []

    def test_erasing_takes_all_of_it_and_nothing_beside(self, data: Data, place: Place) -> None:
        channel, layout, other = (DataRef(*item) for item in (
            (DataKind.CHANNEL, "c-1"), (DataKind.LAYOUT, "c-1", "2"), (DataKind.CHANNEL, "c-10"),
        ))  # fmt: skip
        for ref in (channel, layout, other):
            fill(fill(place(ref), a=b"1") / "deep" / "er", b=b"2")
        place(channel).chmod(0)
        for _ in range(2):
            data.erase(channel)
        assert [list(data.list(ref)) for ref in (channel, layout, other)] == [[], ["a"], ["a"]]
        data.erase(layout)
        data.erase(other.at("a"))
        assert [list(data.list(ref)) for ref in (layout, other, other.at("deep/er"))] == [[], [], ["b"]]

    @pytest.mark.parametrize("text", ["/", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", "a b", "a\0", "ä", "a+b"])
    def test_a_name_of_data_that_is_not_plain_is_refused(self, data: Data, place: Place, text: str) -> None:
        fill(place(JOB), a=b"1")
        for ref in (DataRef(DataKind.ARTEFACT, text), KEPT.at(text), DataRef(DataKind.ARTEFACT, "m-1", text)):
            for call in (
                lambda ref=ref: data.pack({"algo-1": JOB}, ref, None),
                lambda ref=ref: data.pack({"algo-1": ref}, KEPT, None),
                lambda ref=ref: data.archive(ref),
                lambda ref=ref: data.list(ref),
                lambda ref=ref: data.copy(JOB.at("a"), ref),
                lambda ref=ref: data.erase(ref),
            ):
                with pytest.raises(ValueError, match="is not made of"):
                    call()

    @pytest.mark.parametrize("text", ["", "a/b"])
    def test_an_id_is_one_name(self, data: Data, text: str) -> None:
        with pytest.raises(ValueError, match="is not made of"):
            data.erase(DataRef(DataKind.ARTEFACT, text))


class LocalDataContract:
    """Of ports.LocalData, with the same fixtures: what is given to one is found by the other."""

    ports: tuple[type, ...] = (LocalData,)

    def test_every_name_has_a_path_of_its_own_and_is_told_by_it(self, local: LocalData) -> None:
        parts = ("", "part", "deep/er", "model.tar.gz")
        refs = [DataRef(kind, item, part) for kind in DataKind for item in ("1", "a.b-c_d") for part in parts]
        paths = [local.path(ref) for ref in refs]
        assert len(set(paths)) == len(refs)
        assert all(Path(path).is_absolute() for path in paths)
        assert [local.reference(path) for path in paths] == refs

    def test_a_part_lies_below_the_whole(self, local: LocalData) -> None:
        assert Path(local.path(KEPT)) == Path(local.path(DataRef(KEPT.kind, KEPT.id))) / "model.tar.gz"

    @pytest.mark.parametrize("text", ["..", "a/../..", "/etc", "a b"])
    def test_a_name_that_might_lead_elsewhere_has_no_path(self, local: LocalData, text: str) -> None:
        for ref in (DataRef(DataKind.CHANNEL, text), DataRef(DataKind.CHANNEL, "c", text)):
            with pytest.raises(ValueError, match="is not made of"):
                local.path(ref)

    def test_no_data_lies_elsewhere(self, local: LocalData) -> None:
        whole = Path(local.path(DataRef(DataKind.CHANNEL, "c")))
        for path in ("/etc/passwd", str(whole.parent), str(whole / ".." / "..")):
            with pytest.raises(ValueError, match=r"no data|not in the subpath"):
                local.reference(path)

    def test_what_is_written_at_a_path_is_the_data(self, local: LocalData, data: Data) -> None:
        ref = DataRef(DataKind.CHANNEL, "c")
        fill(Path(local.path(ref)), a=b"1")
        assert list(data.list(ref)) == ["a"]
        assert data.measure({"here": ref}) == 1
