"""Who still needs a resource: what a delete waits for, and what it does not.

AWS's sample takes everything down without waiting: jobs are cancelled, then models', then
channels' data are deleted, then the association, then the algorithm. So work that has been
cancelled, and data that are being deleted, hold nothing any more: each of those ends by
itself, and its controller expects what it reads to be gone.
"""

from __future__ import annotations

from enum import StrEnum

from whiteroom.domain.resources import (
    ml_input_channels,
    trained_model_export_jobs,
    trained_model_inference_jobs,
    trained_models,
)

READING_MODELS: tuple[StrEnum, ...] = (
    trained_models.Status.CREATE_PENDING,
    trained_models.Status.CREATE_IN_PROGRESS,
)
"""Trainings that read their channels, and the model they go on from."""

READING_INFERENCE_JOBS: tuple[StrEnum, ...] = (
    trained_model_inference_jobs.Status.CREATE_PENDING,
    trained_model_inference_jobs.Status.CREATE_IN_PROGRESS,
)
"""Inference jobs that read their channel and their model. One that is ACTIVE has ended."""

READING_EXPORT_JOBS: tuple[StrEnum, ...] = (
    trained_model_export_jobs.Status.CREATE_PENDING,
    trained_model_export_jobs.Status.CREATE_IN_PROGRESS,
)
"""Export jobs that read their model."""

LIVE_CHANNELS: tuple[StrEnum, ...] = (
    ml_input_channels.Status.CREATE_PENDING,
    ml_input_channels.Status.CREATE_IN_PROGRESS,
    ml_input_channels.Status.ACTIVE,
)
"""Channels that have rows or will have: they hold their association."""

LIVE_MODELS: tuple[StrEnum, ...] = (*READING_MODELS, trained_models.Status.ACTIVE)
"""Models that have artefacts or will have: they hold their association, whose policy governs their export."""
