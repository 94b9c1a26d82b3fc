import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from whiteroom.runtime.supervisor.logs import LineSplitter, LogWriter, read


@given(st.lists(st.binary(max_size=20)))
def test_lines_do_not_depend_on_how_they_arrive(parts: list[bytes]) -> None:
    splitter = LineSplitter(1000)
    got = [line for part in parts for line in splitter.feed(part)] + splitter.finish()
    whole = b"".join(parts).split(b"\n")
    assert got == (whole if whole[-1] else whole[:-1])


def test_a_line_without_an_end_is_cut_once_and_skipped_to_its_end() -> None:
    splitter = LineSplitter(10)
    got = [line for _ in range(10) for line in splitter.feed(b"x" * 8)]
    assert got == [b"x" * 16]
    assert splitter.feed(b"rest\nnext\n") == [b"next"]


def test_a_progress_bar_never_grows() -> None:
    splitter = LineSplitter(10)
    assert [line for n in range(100) for line in splitter.feed(b"\r%3d%%" % n)] == []
    assert splitter.feed(b"\rdone\n")[-1].endswith(b"\rdone")


def test_a_line_that_is_not_whole_keeps_the_numbering(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b'{"text":"a"}\n{"te\n{"text":"c"}\n{"text":"d"')
    assert [line.get("text") for line in read(log, 0)] == ["a", None, "c"]
    assert [line.get("text") for line in read(log, 2)] == ["c"]
    assert not list(read(tmp_path / "none", 0))


def test_notes_are_kept_when_the_log_is_full(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path / "log"), limit_bytes=100, line_characters=10)
    writer.add(1, "algo-2", "stdout", [b"a"] * 10)
    writer.note(2, "algo-1", "over")
    writer.close()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["stream"] for line in lines] == ["stdout", "platform", "platform"]
