"""How many of each thing a deployment allows: AWS's defaults, every one a setting (`[quotas]`); of bytes, any number.

Source: clean-rooms-quotas and clean-rooms-ml-quotas (docs/sources.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Quota(StrEnum):
    """The quotas' names, as `quotaName` carries them and whiteroom.toml spells them."""

    COLLABORATIONS_PER_ACCOUNT = "collaborations-per-account"
    """That it created."""
    MEMBERS_PER_COLLABORATION = "members-per-collaboration"
    """Its creator among them."""
    MEMBERSHIPS_PER_ACCOUNT = "memberships-per-account"
    """That are ACTIVE."""
    CONFIGURED_TABLES_PER_ACCOUNT = "configured-tables-per-account"
    """That it has."""
    ASSOCIATIONS_PER_MEMBERSHIP = "configured-table-associations-per-membership"
    """Of configured tables."""
    ANALYSIS_TEMPLATES_PER_MEMBERSHIP = "analysis-templates-per-membership"
    """That it wrote."""
    ALGORITHMS_PER_ACCOUNT = "configured-model-algorithms-per-account"
    """That it has."""
    ALGORITHM_ASSOCIATIONS_PER_MEMBERSHIP = "configured-model-algorithm-associations-per-membership"
    """Of configured model algorithms."""
    ACTIVE_CHANNELS_PER_MEMBERSHIP = "ml-input-channels-per-membership"
    """With rows, or on their way to some."""
    CONCURRENT_QUERIES_PER_MEMBERSHIP = "concurrent-queries-per-membership"
    """Under way at one time, those of channels among them."""
    WORKING_TRAININGS_PER_MEMBERSHIP = "pending-trainings-per-membership"
    """Under way at one time."""
    WORKING_INFERENCES_PER_MEMBERSHIP = "pending-inference-jobs-per-membership"
    """Under way at one time."""
    STORED_BYTES_PER_MEMBERSHIP = "stored-bytes-per-membership"
    """Of channels, artefacts, results and logs of work that it asked for."""
    STORED_BYTES_PER_COLLABORATION = "stored-bytes-per-collaboration"
    """The same of all its members together."""


DEFAULTS: Mapping[Quota, int | None] = {
    Quota.COLLABORATIONS_PER_ACCOUNT: 10,
    Quota.MEMBERS_PER_COLLABORATION: 10,
    Quota.MEMBERSHIPS_PER_ACCOUNT: 100,
    Quota.CONFIGURED_TABLES_PER_ACCOUNT: 250,
    Quota.ASSOCIATIONS_PER_MEMBERSHIP: 25,
    Quota.ANALYSIS_TEMPLATES_PER_MEMBERSHIP: 25,
    Quota.ALGORITHMS_PER_ACCOUNT: 1_000,
    Quota.ALGORITHM_ASSOCIATIONS_PER_MEMBERSHIP: 1_000,
    Quota.ACTIVE_CHANNELS_PER_MEMBERSHIP: 100,
    Quota.CONCURRENT_QUERIES_PER_MEMBERSHIP: 5,
    Quota.WORKING_TRAININGS_PER_MEMBERSHIP: 5,
    Quota.WORKING_INFERENCES_PER_MEMBERSHIP: 5,
    Quota.STORED_BYTES_PER_MEMBERSHIP: None,
    Quota.STORED_BYTES_PER_COLLABORATION: None,
}


@dataclass(frozen=True, slots=True)
class Quotas:
    """This deployment's limits."""

    limits: Mapping[Quota, int]

    def limit(self, quota: Quota) -> int | None:
        """How many are allowed; None for any number."""
        return self.limits.get(quota, DEFAULTS[quota])

    @property
    def bound_bytes(self) -> bool:
        """Whether any limits what is kept: where none does, nobody has to add it up."""
        return any(self.limit(quota) is not None for quota in _OF_BYTES)


_OF_BYTES = (Quota.STORED_BYTES_PER_MEMBERSHIP, Quota.STORED_BYTES_PER_COLLABORATION)
