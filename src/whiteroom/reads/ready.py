"""Loads channels with rows and versions with artefacts; or says why one cannot be read."""

from __future__ import annotations

from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.steps import Failure
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.ml_input_channels import Status as ChannelStatus
from whiteroom.domain.resources.trained_models import Status as ModelStatus
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.ports.transaction import Transaction


def ready_channel(tx: Transaction, arn: str) -> MLInputChannel | Failure:
    """A channel whose rows can be read now."""
    channel = tx.ml_input_channels.find(arn=arn)
    if channel is not None and channel.status is ChannelStatus.ACTIVE:
        return channel
    status = "gone" if channel is None else channel.status.value
    return Failure(
        StatusCode.CHANNEL_UNAVAILABLE, f"The ML input channel {arn} is {status}; only an ACTIVE one can be read."
    )


def ready_model(tx: Transaction, version_id: str) -> TrainedModel | Failure:
    """A version whose artefacts can be read now."""
    model = tx.trained_models.get(version_id)
    if model is not None and model.status is ModelStatus.ACTIVE:
        return model
    status = "gone" if model is None else model.status.value
    return Failure(
        StatusCode.MODEL_UNAVAILABLE, f"The trained model version is {status}; only an ACTIVE one can be read."
    )
