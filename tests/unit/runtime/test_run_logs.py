"""Logs in files: what a crash leaves of a line, and places that are none. The rest is tests/contract/run_logs/."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whiteroom.domain.execution.runs import RunId
from whiteroom.runtime import run_logs
from whiteroom.runtime.run_logs import FolderRunLogs
from whiteroom.runtime.supervisor.logs import LogWriter

RUN = RunId("training-1")


def written(folder: Path, texts: list[str], step_ms: int = 1) -> FolderRunLogs:
    writer = LogWriter(str(folder / f"{RUN}.jsonl"), limit_bytes=1 << 30, line_characters=1 << 16)
    for number, text in enumerate(texts):
        writer.add(number * step_ms, "algo-1", "stdout", [text.encode()])
    writer.close()
    return FolderRunLogs(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    texts=st.lists(
        st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=40), max_size=30
    ),
    chunk=st.integers(1, 64),
)
def test_both_directions_give_the_same_lines(tmp_path: Path, texts: list[str], chunk: int) -> None:
    (tmp_path / f"{RUN}.jsonl").unlink(missing_ok=True)
    logs = written(tmp_path, texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_logs, "_CHUNK_BYTES", chunk)
        forward = list(logs.forward(RUN, 0))
        assert [placed.line.text for placed in forward] == texts
        assert list(logs.backward(RUN, logs.end(RUN)))[::-1] == forward
        for placed in forward:
            assert next(logs.forward(RUN, placed.start)) == placed
            assert next(logs.backward(RUN, placed.end)) == placed
        for number in range(len(texts) + 1):
            place = forward[number].start if number < len(forward) else logs.end(RUN)
            assert logs.first_at(RUN, number) == place


def test_a_line_that_is_still_being_written_is_not_there_yet(tmp_path: Path) -> None:
    logs = written(tmp_path, ["a", "b"])
    end = logs.end(RUN)
    with (tmp_path / f"{RUN}.jsonl").open("a") as file:
        file.write('{"at_ms":9,"text":"half')
    assert logs.end(RUN) == end
    assert [placed.line.text for placed in logs.forward(RUN, 0)] == ["a", "b"]
    assert [placed.line.text for placed in logs.backward(RUN, 10_000)] == ["b", "a"]


def test_a_place_inside_a_line_is_the_next_line(tmp_path: Path) -> None:
    logs = written(tmp_path, ['{"text":"inner"}\n', "b"])
    first = next(logs.forward(RUN, 0))
    for place in range(1, first.end + 1):
        assert next(logs.forward(RUN, place)).line.text == "b"


def test_a_torn_line_reads_as_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / f"{RUN}.jsonl").write_text(
        '{"at_ms":1,"text":"a"}\n{"te\n[]\n' + json.dumps({"at_ms": "x", "text": 7}) + "\n"
    )
    assert [placed.line.text for placed in FolderRunLogs(tmp_path).forward(RUN, 0)] == ["a", "", "", "7"]
