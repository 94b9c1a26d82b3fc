"""The operator's pages, one noun one file: how the server does, and never what members have written or computed.

They read the store, since the operator is no member and may ask no operation.
"""

from __future__ import annotations

from whiteroom.console.pages import DO, LOOK, Routes
from whiteroom.console.pages.operator import overview, sign_ins

OPERATOR_ROUTES: Routes = (
    ("", LOOK, overview.show),
    ("/sign-ins", LOOK, sign_ins.show),
    ("/sign-ins/end", DO, sign_ins.end),
)
"""As `pages.ROUTES`; to everybody else none of these is there (application.py)."""
