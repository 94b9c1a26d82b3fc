from enum import StrEnum

import pytest

from whiteroom.domain.resources import (
    dependants,
    ml_input_channels,
    trained_model_export_jobs,
    trained_model_inference_jobs,
    trained_models,
)

HELD = {
    "READING_MODELS": (trained_models.Status, dependants.READING_MODELS),
    "READING_INFERENCE_JOBS": (trained_model_inference_jobs.Status, dependants.READING_INFERENCE_JOBS),
    "READING_EXPORT_JOBS": (trained_model_export_jobs.Status, dependants.READING_EXPORT_JOBS),
    "LIVE_CHANNELS": (ml_input_channels.Status, dependants.LIVE_CHANNELS),
    "LIVE_MODELS": (trained_models.Status, dependants.LIVE_MODELS),
}


@pytest.mark.parametrize("name", HELD)
def test_what_is_being_cancelled_deleted_or_has_ended_holds_nothing(name: str) -> None:
    statuses, holding = HELD[name]
    free = {status for status in statuses if status.value.startswith(("CANCEL", "DELETE", "INACTIVE"))}
    assert not free & set(holding)


@pytest.mark.parametrize("name", HELD)
def test_what_is_being_made_holds_what_it_reads(name: str) -> None:
    statuses, holding = HELD[name]
    making: set[StrEnum] = {statuses("CREATE_PENDING"), statuses("CREATE_IN_PROGRESS")}
    assert making <= set(holding)
