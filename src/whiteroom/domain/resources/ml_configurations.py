"""ML configurations: where a member receives what training and inference give.

Operations: operations/cleanrooms_ml/ml_configurations.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class MLConfiguration:
    """The one ML configuration of a membership. `id` is the membership's."""

    id: str
    account_id: str
    role_arn: str
    destination: Mapping[str, Any] | None
    """MLOutputConfiguration.destination: `{"s3Destination": {"s3Uri": ...}}`; None receives logs only."""
    created_at: datetime
    updated_at: datetime

    @property
    def location(self) -> str | None:
        """The `s3://BUCKET/PREFIX` that results are delivered to; None where the member set none."""
        if self.destination is None:
            return None
        return str(self.destination["s3Destination"]["s3Uri"])
