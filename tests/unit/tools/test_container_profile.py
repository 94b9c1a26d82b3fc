"""The profile of the server's container: our own table, less what sandboxes take, and it is written as it is."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from whiteroom.runtime.system_calls import REFUSED

TOOL = Path(__file__).parents[3] / "tools" / "container_profile.py"
OF_THE_MACHINE = {
    "bpf",
    "init_module",
    "io_uring_setup",
    "kexec_load",
    "open_by_handle_at",
    "perf_event_open",
    "reboot",
}


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("container_profile", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def allowed(tool: Any) -> set[str]:
    return {
        name
        for rule in tool.profile()["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule
        for name in rule["names"]
    }


def test_the_file_is_as_the_tool_writes_it(tool: Any) -> None:
    assert tool.PROFILE.read_text() == tool.written(), "run python tools/container_profile.py"


def test_of_what_no_program_may_ask_for_the_container_has_only_what_makes_a_sandbox(tool: Any) -> None:
    assert allowed(tool) & set(REFUSED) == {"mount", "umount2", "pivot_root", "setns", "sethostname", "keyctl"}
    assert not allowed(tool) & OF_THE_MACHINE


def test_no_name_is_both_allowed_and_refused(tool: Any) -> None:
    named = [name for rule in tool.profile()["syscalls"] for name in rule["names"]]
    assert len(named) == len(set(named))
