"""Where a wait shows where it is."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.loaders import create_loader

from whiteroom.notebook.progress import STEPS, Progress, screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line_that_is_written_over_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    show = screen()
    show(Progress("late", "CREATE_PENDING", 0))
    show(Progress("late", "CREATE_FAILED", 2, "two\nlines \x1b[2J"))
    lines = terminal.getvalue().split("\r\x1b[K")
    assert lines[0] == ""
    assert lines[1] == "[########................] late: CREATE_PENDING, 0 s"
    assert lines[2] == "[########################] late: CREATE_FAILED, 2 s. two lines \\x1b[2J\n"


def test_a_file_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", file := io.StringIO())
    screen()(Progress("late", "ACTIVE", 1))
    assert file.getvalue() == ""


def test_a_notebook_has_one_output_that_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: list[list[Any]] = []

    def display(first: Any, *, display_id: bool) -> Any:
        assert display_id
        outputs.append([first])
        return SimpleNamespace(update=outputs[-1].append)

    kernel = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    show = screen()
    steps = [Progress("late", "CREATE_PENDING", 0), Progress("late", "ACTIVE", 1)]
    for step in steps:
        show(step)
    assert outputs == [steps]
    assert '<progress value="3" max="3"' in steps[1]._repr_html_()


@pytest.mark.parametrize(
    ("service", "shape"),
    [("cleanroomsml", "TrainedModelStatus"), ("cleanrooms", "ProtectedQueryStatus")],
)
def test_the_bar_is_full_at_an_end_alone(service: str, shape: str) -> None:
    statuses = create_loader().load_service_model(service, "service-2")["shapes"][shape]["enum"]
    full = {status for status in statuses if Progress("", status, 0).step == STEPS}
    ends = {"ACTIVE", "INACTIVE", "SUCCESS", "FAILED", "CANCELLED", "TIMED_OUT"}
    assert full == {status for status in statuses if status in ends or status.endswith("_FAILED")}
