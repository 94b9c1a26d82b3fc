"""A member's own part in a collaboration: joining it, where it receives, and what of its own went where."""

from __future__ import annotations

from whiteroom.console.pages.membership import invitations, receiving, uses

_HERE = "/collaborations/{collaboration}"

ROUTES = (
    (f"{_HERE}/join", ("GET",), invitations.show),
    (f"{_HERE}/join", ("POST",), invitations.join),
    (f"{_HERE}/receiving", ("GET",), receiving.show),
    (f"{_HERE}/receiving/models", ("POST",), receiving.set_models),
    (f"{_HERE}/receiving/results", ("POST",), receiving.set_results),
    (f"{_HERE}/uses", ("GET",), uses.show),
    (f"{_HERE}/uses/log", ("POST",), uses.enable),
)
"""As those of pages/__init__.py."""
