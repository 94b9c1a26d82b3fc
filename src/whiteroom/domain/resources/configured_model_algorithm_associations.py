"""Associations of algorithms with memberships, and the privacy policy that goes with them.

Operations: operations/cleanrooms_ml/configured_model_algorithm_associations.py. The policy's rules:
domain/privacy/policies.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ConfiguredModelAlgorithmAssociation:
    """One algorithm in one collaboration. It never changes, so that owners know what they allowed."""

    id: str
    arn: str
    membership_id: str
    collaboration_id: str
    account_id: str
    configured_model_algorithm_arn: str
    name: str
    description: str | None
    privacy_configuration: Mapping[str, Any] | None
    """PrivacyConfiguration; None means: nobody gets logs, nothing is exported (docs/sources.md)."""
    created_at: datetime
    updated_at: datetime
