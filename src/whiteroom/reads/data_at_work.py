"""Which data running work may read on this machine."""

from __future__ import annotations

from whiteroom.domain.resources.dependants import LIVE_CHANNELS
from whiteroom.domain.resources.ml_input_channels import Status as ChannelStatus
from whiteroom.ports.store import Store


def ids_at_work(store: Store) -> frozenset[str]:
    """Ids of all data (`DataRef.id`) that belong to work that is not at rest, or that such work reads.

    A record is there before anything is brought for it, and its status changes after the last read.
    """
    with store.reading() as tx:
        channels = {
            one.id
            for one in tx.ml_input_channels.working()
            if one.status in LIVE_CHANNELS and one.status is not ChannelStatus.ACTIVE
        }
        queries = {one.id for one in tx.protected_queries.working()}
        models, jobs = tx.trained_models.working(), tx.trained_model_inference_jobs.working()
        exported = {one.trained_model_id for one in tx.trained_model_export_jobs.working()}
    read = {_id(channel["mlInputChannelArn"]) for model in models for channel in model.data_channels}
    bases = {channel["modelId"] for model in models for channel in model.incremental_channels}
    served = {name for job in jobs for name in (_id(job.ml_input_channel_arn), job.trained_model_id)}
    return frozenset({*channels, *queries, *(model.id for model in models), *exported, *read, *bases, *served})


def _id(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
