"""A member's own part in a collaboration: joining it, and where it receives."""

from __future__ import annotations

from whiteroom.console.pages.membership import invitations, receiving

_HERE = "/collaborations/{collaboration}"

ROUTES = (
    (f"{_HERE}/join", ("GET",), invitations.show),
    (f"{_HERE}/join", ("POST",), invitations.join),
    (f"{_HERE}/receiving", ("GET",), receiving.show),
    (f"{_HERE}/receiving/models", ("POST",), receiving.set_models),
    (f"{_HERE}/receiving/results", ("POST",), receiving.set_results),
)
"""As those of pages/__init__.py."""
