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


def test_a_progress_bar_says_how_far_it_is_once_a_second_and_at_its_end() -> None:
    splitter = LineSplitter(1000)
    got = [(at, line) for at in range(0, 3500, 100) for line in splitter.feed(b"\r%d%% loss=%d" % (at // 35, at), at)]
    assert got == [(100, b"0% loss=0"), (1100, b"28% loss=1000"), (2100, b"57% loss=2000"), (3100, b"85% loss=3000")]
    assert splitter.feed(b"\n", 3600)[-1].endswith(b"\r97% loss=3400")


def test_a_bar_that_is_wiped_out_says_nothing_of_it() -> None:
    splitter = LineSplitter(1000)
    assert splitter.feed(b"\r   \r", 0) == []
    assert splitter.feed(b"\r1%\r    \r", 2000) == [b"1%"]
    assert splitter.feed(b"\r\r\r", 4000) == []


def test_two_characters_that_end_a_line_are_no_progress_bar() -> None:
    splitter = LineSplitter(1000)
    assert splitter.feed(b"one\r\ntwo\r", 0) == [b"one\r"]
    assert splitter.feed(b"\nthree\r\r", 2000) == [b"two\r"]
    assert splitter.feed(b"\n", 4000) == [b"three\r\r"]


def test_bars_are_heard_again_when_the_clock_was_set_back() -> None:
    splitter = LineSplitter(1000)
    assert splitter.feed(b"\r1%\r2%", 10_000_000) == [b"1%"]
    assert splitter.feed(b"\r3%", 5) == [b"2%"]


@given(st.lists(st.binary(max_size=20)), st.integers(0, 2000))
def test_a_bar_takes_no_line_away(parts: list[bytes], step: int) -> None:
    splitter, plain = LineSplitter(1000), LineSplitter(1000)
    timed = [line for at, part in enumerate(parts) for line in splitter.feed(part, at * step)] + splitter.finish()
    lines = [line for part in parts for line in plain.feed(part)] + plain.finish()
    last = [line.rstrip(b"\r").rpartition(b"\r")[2] for line in lines]
    left = iter([line.rstrip(b"\r").rpartition(b"\r")[2] for line in timed])
    assert all(line in left for line in last)


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
