"""Which addresses only this machine reaches."""

from __future__ import annotations

import pytest

from whiteroom.base.addresses import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_this_machines_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.0.2.1", "localhost.example", "127.0.0.1.example"])
def test_nothing_else_is(host: str) -> None:
    assert not is_loopback(host)
