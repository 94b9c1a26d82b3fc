"""The operator's pages, one noun one file: how the server does, and never what members have written or computed.

They read the store, since the operator is no member and may ask no operation.
"""

from __future__ import annotations

from whiteroom.console.pages import DO, LOOK, Routes
from whiteroom.console.pages.operator import (
    accounts,
    acts,
    collaborations,
    events,
    health,
    overview,
    sign_ins,
    storage,
    work,
)

OPERATOR_ROUTES: Routes = (
    ("", LOOK, overview.show),
    ("/operator/work", LOOK, work.show),
    ("/operator/failures", LOOK, work.show_failures),
    ("/operator/collaborations", LOOK, collaborations.show_all),
    ("/operator/collaborations/{collaboration}", LOOK, collaborations.show),
    ("/operator/storage", LOOK, storage.show),
    ("/operator/accounts", LOOK, accounts.show_all),
    ("/operator/accounts/{account}", LOOK, accounts.show),
    *acts.ROUTES,
    ("/operator/events", LOOK, events.show),
    ("/operator/health", LOOK, health.show),
    ("/sign-ins", LOOK, sign_ins.show),
    ("/sign-ins/end", DO, sign_ins.end),
)
"""As `pages.ROUTES`; to everybody else none of these is there (application.py)."""
