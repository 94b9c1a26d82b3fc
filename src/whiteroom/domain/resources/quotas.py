"""How many of each thing a deployment allows: AWS's defaults, every one a setting (`[quotas]`).

Source: clean-rooms-quotas and clean-rooms-ml-quotas (docs/sources.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Quota(StrEnum):
    """The quotas' names, as `quotaName` carries them and whiteroom.toml spells them."""

    COLLABORATIONS_PER_ACCOUNT = "collaborations-per-account"
    MEMBERS_PER_COLLABORATION = "members-per-collaboration"
    MEMBERSHIPS_PER_ACCOUNT = "memberships-per-account"
    CONFIGURED_TABLES_PER_ACCOUNT = "configured-tables-per-account"
    ASSOCIATIONS_PER_MEMBERSHIP = "configured-table-associations-per-membership"
    ANALYSIS_TEMPLATES_PER_MEMBERSHIP = "analysis-templates-per-membership"
    ALGORITHMS_PER_ACCOUNT = "configured-model-algorithms-per-account"
    ALGORITHM_ASSOCIATIONS_PER_MEMBERSHIP = "configured-model-algorithm-associations-per-membership"
    ACTIVE_CHANNELS_PER_MEMBERSHIP = "ml-input-channels-per-membership"
    CONCURRENT_QUERIES_PER_MEMBERSHIP = "concurrent-queries-per-membership"
    WORKING_TRAININGS_PER_MEMBERSHIP = "pending-trainings-per-membership"
    WORKING_INFERENCES_PER_MEMBERSHIP = "pending-inference-jobs-per-membership"


DEFAULTS: Mapping[Quota, int] = {
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
}


@dataclass(frozen=True, slots=True)
class Quotas:
    """This deployment's limits."""

    limits: Mapping[Quota, int]

    def limit(self, quota: Quota) -> int:
        """How many are allowed."""
        return self.limits.get(quota, DEFAULTS[quota])
