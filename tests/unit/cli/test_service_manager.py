from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from support.server import running_server
from whiteroom.cli.service_manager import READY, ServiceManager


def test_a_server_that_is_ready_says_so_to_whoever_has_started_it_and_to_nobody_else(tmp_path: Path) -> None:
    address = tmp_path / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(20)
        with running_server(tmp_path / "data", environment={"NOTIFY_SOCKET": str(address)}) as server:
            assert manager.recv(100) == b"READY=1"
            assert server.client("sts", "111111111111").get_caller_identity()["Account"] == "111111111111"
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.recv(100)


def test_an_abstract_address_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"whiteroom-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        ServiceManager().tell(READY)
        assert manager.recv(100) == b"READY=1"


def test_what_the_server_starts_cannot_speak_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    ServiceManager()
    assert "NOTIFY_SOCKET" not in os.environ


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "relative", "@", "x" * 200])
def test_nobody_who_listens_is_no_trouble(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    ServiceManager().tell(READY)
