"""Which version of a trained model a request means (docs/sources.md, Where AWS is silent)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from whiteroom.domain.resources.trained_models import BASE_VERSION, Status


class Omitted(StrEnum):
    """What a request that names no version means."""

    LATEST = "latest"
    """Get and the collaboration's Get [SEED 3, 4]."""
    BASE = "base"
    """Cancel and Delete [SEED 4]."""
    LATEST_ACTIVE = "latest ACTIVE"
    """Incremental channels, inference and export: ours, consistent with the API text for incremental channels."""


_FILTERS: Mapping[Omitted, Mapping[str, object]] = {
    Omitted.LATEST: {"is_latest": True},
    Omitted.BASE: {"version_identifier": BASE_VERSION},
    Omitted.LATEST_ACTIVE: {"status": Status.ACTIVE},
}


def version_filter(identifier: str | None, omitted: Omitted) -> Mapping[str, object]:
    """The values that, beside the ARN, find the version: the newest record that has them."""
    return _FILTERS[omitted] if identifier is None else {"version_identifier": identifier}


def version_id(model_id: str, identifier: str) -> str:
    """The record's id: a version's is its identifier, the base's is the one that ends the ARN."""
    return model_id if identifier == BASE_VERSION else identifier
