"""For every test: examples are made on machines that are busy with other tests; who needs a service says so."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy")

OF_SERVICES = frozenset({"engine_socket"})
"""Fixtures that stand for a service: a container engine."""
REAL = Path(__file__).parent / "real"
"""Programs that nobody here wrote, which are built and fetched."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a service: `make test` leaves it out, `make test-services` runs nothing else."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & OF_SERVICES or REAL in item.path.parents:
            item.add_marker("services")
