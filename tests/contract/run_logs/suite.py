"""What every implementation of ports.RunLogs keeps to. Subclass, and give the fixtures.

`logs` is what is tested; `write` adds lines (time, text) to the log of a run, which may have some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from whiteroom.domain.execution.runs import RunId
from whiteroom.ports.run_logs import RunLogs

RUN, OTHER = RunId("training-1"), RunId("training-2")
TEXTS = ("one", "", "ü'\"\U0001f600", '{"text":"inner"}', "x" * 60_000, "six")

Write = Callable[[RunId, Sequence[tuple[int, str]]], None]


def timed(texts: Sequence[str]) -> list[tuple[int, str]]:
    return [(10 * number, text) for number, text in enumerate(texts)]


class RunLogsContract:
    ports: tuple[type, ...] = (RunLogs,)

    def test_a_log_that_is_not_there_has_no_lines(self, logs: RunLogs) -> None:
        assert list(logs.forward(RUN, 0)) == list(logs.backward(RUN, 100)) == []
        assert logs.end(RUN) == logs.first_at(RUN, 7) == 0

    def test_lines_come_in_order_from_any_of_them_on_and_back(self, logs: RunLogs, write: Write) -> None:
        write(RUN, timed(TEXTS))
        write(OTHER, timed(["another's"]))
        forward = list(logs.forward(RUN, 0))
        assert [placed.line.text for placed in forward] == list(TEXTS)
        assert list(logs.backward(RUN, logs.end(RUN))) == forward[::-1]
        for number, placed in enumerate(forward):
            assert list(logs.forward(RUN, placed.start)) == forward[number:]
            assert list(logs.backward(RUN, placed.end)) == forward[number::-1]

    def test_places_grow_and_each_line_ends_where_the_next_begins(self, logs: RunLogs, write: Write) -> None:
        write(RUN, timed(TEXTS))
        forward = list(logs.forward(RUN, 0))
        assert forward[0].start == 0
        assert [placed.end for placed in forward[:-1]] == [placed.start for placed in forward[1:]]
        assert all(placed.start < placed.end for placed in forward)
        assert forward[-1].end == logs.end(RUN)

    def test_whoever_read_to_the_end_reads_on_from_there_when_there_is_more(self, logs: RunLogs, write: Write) -> None:
        write(RUN, timed(["one", "two"]))
        end = logs.end(RUN)
        assert list(logs.forward(RUN, end)) == []
        write(RUN, [(100, "three")])
        assert [placed.line.text for placed in logs.forward(RUN, end)] == ["three"]
        assert [placed.line.text for placed in logs.backward(RUN, end)] == ["two", "one"]

    def test_the_first_line_from_a_moment_on_is_found(self, logs: RunLogs, write: Write) -> None:
        write(RUN, [(0, "one"), (20, "two"), (20, "three"), (40, "four")])
        places = [placed.start for placed in logs.forward(RUN, 0)]
        found = [logs.first_at(RUN, at) for at in (-1, 0, 1, 20, 21, 40, 41)]
        assert found == [places[0], places[0], places[1], places[1], places[3], places[3], logs.end(RUN)]

    def test_times_do_not_fall_where_the_clock_was_set_back(self, logs: RunLogs, write: Write) -> None:
        write(RUN, [(5, "one"), (3, "two"), (9, "three")])
        assert [placed.line.at_ms for placed in logs.forward(RUN, 0)] == [5, 5, 9]

    def test_a_name_that_leads_elsewhere_is_refused(self, logs: RunLogs) -> None:
        with pytest.raises(ValueError, match="not a run's id"):
            logs.end(RunId("../secret"))

    def test_the_key_is_secret_and_stays(self, logs: RunLogs) -> None:
        assert logs.key() == logs.key()
        assert len(logs.key()) >= 32
