"""What keeps the S3 beside the server from starting is told; that it runs is tested where it does (e2e)."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from support.worlds.requests import ALICE
from whiteroom.s3_server import server
from whiteroom.s3_server.identities import Owner
from whiteroom.s3_server.server import S3Server, S3Unusable, command


def started(folder: Path) -> str:
    """Why it does not start."""
    beside = S3Server(folder, socket.create_server(("127.0.0.1", 0)), lambda: (Owner(ALICE, (("AKIA", "secret"),)),))
    with pytest.raises(S3Unusable) as caught:
        beside.start()
    return str(caught.value)


def test_without_seaweedfs_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_weed", lambda: None)
    assert "s3-server" in started(tmp_path / "s3")


def test_without_a_network_of_its_own_it_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "bwrap_path", lambda: "/bin/false")
    assert "everybody on this machine could read all buckets" in started(tmp_path / "s3")


def test_a_program_that_ends_at_once_is_told_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_weed", lambda: "/bin/false")
    said = started(tmp_path / "s3")
    assert "ended as soon as it was started" in said
    assert str(tmp_path / "s3" / "s3.log") in said


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_its_program_may_lie_below_what_the_sandbox_has_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        program = Path(place, "weed")
        program.write_text("#!/bin/sh\necho it runs\n")
        program.chmod(0o755)
        monkeypatch.setattr(server, "find_weed", lambda: str(program))
        assert "ended as soon as it was started" in started(tmp_path / "s3")
    assert (tmp_path / "s3" / "s3.log").read_text() == "it runs\n"


def test_no_secret_is_on_its_command_line_and_it_calls_nobody() -> None:
    words = command(Path("/data/s3"), identities_fd=5, info_fd=6)
    assert "--unshare-net" in words
    assert "-master.telemetry=false" in words
    assert not [word for word in words if "secret" in word.lower()]
