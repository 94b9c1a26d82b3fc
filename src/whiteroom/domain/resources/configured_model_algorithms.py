"""Configured model algorithms: the images a model provider brings.

Operations: operations/cleanrooms_ml/configured_model_algorithms.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ConfiguredModelAlgorithm:
    """One algorithm of an account. It never changes."""

    id: str
    arn: str
    account_id: str
    name: str
    description: str | None
    role_arn: str
    training_container_config: Mapping[str, Any] | None
    inference_container_config: Mapping[str, Any] | None
    kms_key_arn: str | None
    created_at: datetime
    updated_at: datetime
