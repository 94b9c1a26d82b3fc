"""A member's own part in a collaboration: joining, receiving, what of its own went where, revoking and leaving."""

from __future__ import annotations

from whiteroom.console.pages.membership import invitations, leaving, receiving, revoking, uses

_HERE = "/collaborations/{collaboration}"

ROUTES = (
    (f"{_HERE}/join", ("GET",), invitations.show),
    (f"{_HERE}/join", ("POST",), invitations.join),
    (f"{_HERE}/receiving", ("GET",), receiving.show),
    (f"{_HERE}/receiving/models", ("POST",), receiving.set_models),
    (f"{_HERE}/receiving/results", ("POST",), receiving.set_results),
    (f"{_HERE}/uses", ("GET",), uses.show),
    (f"{_HERE}/uses/log", ("POST",), uses.enable),
    (f"{_HERE}/revoking", ("GET",), revoking.many),
    (f"{_HERE}/revoking/{{association}}/{{way}}", ("GET",), revoking.show),
    (f"{_HERE}/revoking/{{association}}/{{way}}", ("POST",), revoking.revoke),
    (f"{_HERE}/leaving", ("GET",), leaving.show),
    (f"{_HERE}/leaving", ("POST",), leaving.leave),
)
"""As those of pages/__init__.py."""
