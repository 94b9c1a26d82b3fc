"""The pages, one noun one file. A page asks operations as its visitor, and fills a template in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.pages import analysis, collaborations, home, membership, sign_ins

Page: TypeAlias = Callable[[Asked], Awaitable[Response]]
Routes: TypeAlias = tuple[tuple[str, tuple[str, ...], Page], ...]

LOOK = ("GET",)
DO = ("POST",)

ROUTES: Routes = (
    ("", LOOK, home.show),
    ("/collaborations/{collaboration}", LOOK, collaborations.show),
    ("/sign-ins", LOOK, sign_ins.show),
    ("/sign-ins/end", DO, sign_ins.end),
    *analysis.ROUTES,
    *membership.ROUTES,
)
"""Of members: path below `/console`, methods, and the function that answers. A page that is looked at changes nothing.

The operator's are in pages/operator.
"""
