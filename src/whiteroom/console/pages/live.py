"""What a page of something that goes on listens to: whether its status, or the last line of its log, is another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.following import digest, is_moving
from whiteroom.console.pages import ml_input_channels, trained_models
from whiteroom.console.run_logs import newest
from whiteroom.console.streams import Sight
from whiteroom.console.versions import version_of
from whiteroom.console.visitors import Visitor
from whiteroom.console.within import ML, Within, within
from whiteroom.wire.inside import Refused


async def show(asked: Asked) -> Response:
    """The events of one page.

    Raises:
        Refused: what it shows is not there for the visitor.
    """
    here = await within(asked)
    kind, name, version = asked.path["kind"], asked.path["name"], asked.query.get("version", "")
    look = _LOOKS.get(kind)
    if look is None:
        return Response("Nothing of that kind is followed.\n", 404)

    async def sight(visitor: Visitor) -> Sight:
        return await look(replace(here, visitor=visitor), name, version)

    await sight(asked.visitor)
    return asked.streams.stream(asked.visitor, asked.query.get("seen", ""), sight)


async def _channel(here: Within, arn: str, _: str) -> Sight:
    channel = await here.look(arn, *ml_input_channels.LOOK)
    return digest(channel), is_moving(channel)


async def _model(here: Within, arn: str, version: str) -> Sight:
    model = await here.look(arn, *trained_models.LOOK, versionIdentifier=version or None)
    return await _with_log(here, model, arn, version_of(model))


async def _job(here: Within, arn: str, _: str) -> Sight:
    job = await here.visitor.call(
        ML, "GetTrainedModelInferenceJob", membershipIdentifier=here.membership, trainedModelInferenceJobArn=arn
    )
    return await _with_log(here, job, arn, "")


async def _query(here: Within, identifier: str, _: str) -> Sight:
    answer = await here.visitor.call(
        "cleanrooms",
        "GetProtectedQuery",
        membershipIdentifier=here.membership,
        protectedQueryIdentifier=identifier,
    )
    return digest(answer["protectedQuery"]), is_moving(answer["protectedQuery"])


async def _with_log(here: Within, run: Mapping[str, Any], arn: str, version: str) -> Sight:
    try:
        lines = await newest(here.visitor, arn, version)
    except Refused:
        lines = None
    return digest(run, lines), is_moving(run)


_LOOKS: Mapping[str, Callable[[Within, str, str], Awaitable[Sight]]] = {
    "channels": _channel,
    "models": _model,
    "inference-jobs": _job,
    "queries": _query,
}
