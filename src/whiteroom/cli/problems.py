"""The error that a command ends with, and that the operator reads."""

from __future__ import annotations


class Problem(Exception):
    """A command cannot be done. The message is one sentence or two: what is wrong, and what to do."""
