"""A room of whose trainings there are metrics."""

from __future__ import annotations

import pytest

from support.cleanrooms import ALICE, CAROL, Office
from support.ml import Studio, a_studio
from unit.operations.monitoring.measured import measured


@pytest.fixture
def studio(office: Office) -> Studio:
    """ALICE and CAROL have ML configurations; BOB has none, and DAVE is no member."""
    studio = a_studio(office)
    for account in (ALICE, CAROL):
        studio.configure(account)
    return studio


@pytest.fixture
def model(studio: Studio) -> dict[str, str]:
    return measured(studio, "plain")
