"""What goes on, and what of it may become another while somebody looks at its page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from whiteroom.console.run_logs import Lines
from whiteroom.console.versions import version_of
from whiteroom.console.within import Within

MOVING = ("PENDING", "IN_PROGRESS", "SUBMITTED", "STARTED", "CANCELLING")
"""How a status ends that another follows."""


def is_moving(answer: Mapping[str, Any]) -> bool:
    """Whether there is more to come."""
    return str(answer["status"]).endswith(MOVING)


def digest(answer: Mapping[str, Any], lines: Lines | None = None) -> str:
    """Of what a page shows that may become another while it goes on."""
    last = lines.lines[-1] if lines and lines.lines else ""
    shown = (answer["status"], answer.get("updateTime"), last)
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def live_url(here: Within, kind: str, name: str, answer: Mapping[str, Any], lines: Lines | None = None) -> str:
    """Where a page listens that shows this; empty where nothing more is to come."""
    if not is_moving(answer):
        return ""
    version = {"version": version_of(answer)} if kind == "models" else {}
    return here.url("live", kind, name, seen=digest(answer, lines), **version)
