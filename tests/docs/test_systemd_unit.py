"""deploy/systemd/whiteroom.service: systemd reads it, and nothing in it takes away what a sandbox is made of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.real import cannot_run

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "whiteroom.service"
PAGE = (ROOT / "docs" / "systemd.md").read_text()
SETTINGS = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE))
PROGRAM = "/opt/whiteroom/bin/whiteroom"
SINCE_254 = "Unknown key 'DelegateSubgroup' in section [Service], ignoring."

BREAKING = {
    "PrivateDevices": "hides /dev/fuse and GPUs",
    "PrivateUsers": "leaves a server of root's no users for its runs",
    "ProcSubset": "hides /proc/meminfo, by which memory is given out",
    "ProtectControlGroups": "makes control groups read-only",
    "ProtectHostname": "forbids a run the name of its host",
    "ProtectKernelTunables": "makes /proc/sys read-only, where bubblewrap limits namespaces",
    "RestrictNamespaces": "forbids the namespaces of a sandbox",
    "MemoryDenyWriteExecute": "ends programs that compile while they run",
    "DevicePolicy": "hides GPUs",
}


@pytest.mark.services
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        cannot_run("systemd-analyze is not installed (Debian: systemd)")
    text = UNIT.read_text()
    assert PROGRAM in text
    here = tmp_path / UNIT.name
    here.write_text(text.replace(PROGRAM, sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(here)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if str(here) in line and not line.endswith(SINCE_254)]
    assert said == []


@pytest.mark.parametrize("setting", BREAKING)
def test_nothing_in_it_takes_away_what_runs_need_and_the_page_says_why(setting: str) -> None:
    assert setting not in SETTINGS
    assert f"`{setting}`" in PAGE


def test_runs_get_groups_of_their_own_and_outlive_a_restart_and_a_program_that_takes_too_much() -> None:
    assert (SETTINGS["Delegate"], SETTINGS["DelegateSubgroup"]) == ("yes", "server")
    assert (SETTINGS["KillMode"], SETTINGS["OOMPolicy"], SETTINGS["TasksMax"]) == ("process", "continue", "infinity")


def test_keys_lie_outside_of_the_data_folder_and_systemd_makes_both_folders_for_the_servers_user_alone() -> None:
    variables = dict(re.findall(r"^Environment=(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE))
    folders = {f"/var/lib/{name}" for name in SETTINGS["StateDirectory"].split()}
    assert {variables["WHITEROOM_DATA"], str(Path(variables["WHITEROOM_MASTER_KEY"]).parent)} == folders
    assert (SETTINGS["StateDirectoryMode"], SETTINGS["UMask"]) == ("0700", "0077")
