"""What members may and pay for, in words for people who have not read AWS's model."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.domain.resources.collaborations import Cost

PAID: Mapping[Cost, str] = {
    Cost.QUERY_COMPUTE: "queries",
    Cost.JOB_COMPUTE: "PySpark jobs",
    Cost.MODEL_TRAINING: "trainings",
    Cost.MODEL_INFERENCE: "inference jobs",
    Cost.SYNTHETIC_DATA_GENERATION: "making synthetic data",
}
"""What somebody pays for."""
