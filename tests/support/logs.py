"""What was logged, by whom."""

from __future__ import annotations

import threading

import pytest


def said_here(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What this thread logged: servers of earlier tests may still be saying something of their own."""
    return [record.getMessage() for record in caplog.records if record.thread == threading.get_ident()]
