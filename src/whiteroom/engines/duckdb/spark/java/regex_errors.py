"""The refusal of a regular expression."""

from __future__ import annotations


class BadRegex(ValueError):
    """A pattern that Java refuses, or that cannot be run here. The message is for the querier."""
