"""Which runs are under way, by their records."""

from __future__ import annotations

from collections.abc import Iterator

from whiteroom.domain.execution.runs import INFERENCE_PREFIX, TRAINING_PREFIX, RunId
from whiteroom.domain.resources import trained_model_inference_jobs, trained_models
from whiteroom.ports.store import Store


def runs_under_way(store: Store) -> Iterator[RunId]:
    """The run of every training and every inference job that has begun."""
    with store.reading() as tx:
        models, jobs = tx.trained_models.working(), tx.trained_model_inference_jobs.working()
    for model in models:
        if model.status is trained_models.Status.CREATE_IN_PROGRESS:
            yield RunId(TRAINING_PREFIX + model.id)
    for job in jobs:
        if job.status is trained_model_inference_jobs.Status.CREATE_IN_PROGRESS:
            yield RunId(INFERENCE_PREFIX + job.id)
