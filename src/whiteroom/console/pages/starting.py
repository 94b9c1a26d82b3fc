"""Forms that start work: each asks its operation, and a refusal stands above what was typed.

What a query may read is judged where it runs: the page that the form leads to says so, a moment later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.responses import RedirectResponse, Response

from whiteroom.console.asked import Asked
from whiteroom.console.lists import every
from whiteroom.console.rendering import page
from whiteroom.console.within import BASE_VERSION, ML, Within, within
from whiteroom.wire.inside import Refused
from whiteroom.wire.models import services

CLEANROOMS = "cleanrooms"
CHANNEL = "channel:"
"""Begins the field in which a channel gets its name in the container; the channel's ARN follows."""


async def _started(
    asking: Awaitable[dict[str, Any]],
    place: Callable[[dict[str, Any]], str],
    form: Callable[[Refused], Awaitable[Response]],
) -> Response:
    """What is asked for, and the page of what it made; where it is refused, the form again."""
    try:
        answer = await asking
    except Refused as refused:
        return await form(refused)
    return RedirectResponse(place(answer), 303)


async def query(asked: Asked) -> Response:
    """StartProtectedQuery."""
    here = await within(asked)
    if asked.form is None:
        return await _query_form(here, {})
    receiver = {"member": {"accountId": asked.sent.get("receiver", "")}}
    return await _started(
        asked.visitor.call(
            CLEANROOMS,
            "StartProtectedQuery",
            type="SQL",
            membershipIdentifier=here.membership,
            sqlParameters={"queryString": asked.sent.get("sql", "")},
            resultConfiguration={"outputConfiguration": receiver},
        ),
        lambda answer: here.url("queries", answer["protectedQuery"]["id"]),
        lambda refused: _query_form(here, asked.sent, refused),
    )


async def _query_form(here: Within, typed: Mapping[str, str], refused: Refused | None = None) -> Response:
    found = await every(
        here.visitor, CLEANROOMS, "ListMembers", "memberSummaries", collaborationIdentifier=here.identifier
    )
    receivers = [one for one in found.items if "CAN_RECEIVE_RESULTS" in one["abilities"]]
    return _form("start_query.html", here, "queries", typed, refused, receivers=receivers)


async def channel(asked: Asked) -> Response:
    """CreateMLInputChannel, of SQL."""
    here = await within(asked)
    form = asked.form
    if form is None:
        return await _channel_form(here, {"days": "30", "role": _role(here)})
    source = {"sqlParameters": {"queryString": form.get("sql", "")}}
    return await _started(
        asked.visitor.call(
            ML,
            "CreateMLInputChannel",
            membershipIdentifier=here.membership,
            name=form.get("name", ""),
            description=form.get("description") or None,
            configuredModelAlgorithmAssociations=[form.get("algorithm", "")],
            inputChannel={"roleArn": form.get("role", ""), "dataSource": {"protectedQueryInputParameters": source}},
            retentionInDays=_number(form, "days"),
        ),
        lambda answer: here.url("channels", answer["mlInputChannelArn"]),
        lambda refused: _channel_form(here, form, refused),
    )


async def _channel_form(here: Within, typed: Mapping[str, str], refused: Refused | None = None) -> Response:
    return _form("start_channel.html", here, "channels", typed, refused, algorithms=await _algorithms(here))


async def training(asked: Asked) -> Response:
    """CreateTrainedModel, of channels."""
    here = await within(asked)
    form = asked.form
    if form is None:
        return await _training_form(here, {"instance": "ml.m5.large", "volume": "10", "seconds": "86400"})
    chosen = {field.removeprefix(CHANNEL): name for field, name in form.items() if field.startswith(CHANNEL) and name}
    seconds = form.get("seconds", "").strip()
    return await _started(
        asked.visitor.call(
            ML,
            "CreateTrainedModel",
            membershipIdentifier=here.membership,
            name=form.get("name", ""),
            description=form.get("description") or None,
            configuredModelAlgorithmAssociationArn=form.get("algorithm", ""),
            dataChannels=[{"mlInputChannelArn": arn, "channelName": name.strip()} for arn, name in chosen.items()],
            hyperparameters=named_lines(form.get("hyperparameters", "")) or None,
            resourceConfig={"instanceType": form.get("instance", ""), "volumeSizeInGB": _number(form, "volume")},
            stoppingCondition={"maxRuntimeInSeconds": _number(form, "seconds")} if seconds else None,
        ),
        lambda answer: here.url("models", answer["trainedModelArn"]),
        lambda refused: _training_form(here, form, refused),
    )


async def _training_form(here: Within, typed: Mapping[str, str], refused: Refused | None = None) -> Response:
    return _form(
        "start_training.html",
        here,
        "models",
        typed,
        refused,
        algorithms=await _algorithms(here),
        channels=await _active_channels(here),
        instances=_instances("CreateTrainedModel"),
        prefix_of_channels=CHANNEL,
    )


async def export(asked: Asked) -> Response:
    """StartTrainedModelExportJob, of the version that the address names."""
    here = await within(asked)
    model, form = asked.query.get("model", ""), asked.form
    version = asked.query.get("version") or BASE_VERSION
    if form is None:
        return await _export_form(here, asked, {})
    return await _started(
        asked.visitor.call(
            ML,
            "StartTrainedModelExportJob",
            membershipIdentifier=here.membership,
            name=form.get("name", ""),
            description=form.get("description") or None,
            trainedModelArn=model,
            trainedModelVersionIdentifier=version,
            outputConfiguration={"members": [{"accountId": form.get("receiver", "")}]},
        ),
        lambda _: here.url("models", model, version=version),
        lambda refused: _export_form(here, asked, form, refused),
    )


async def _export_form(
    here: Within, asked: Asked, typed: Mapping[str, str], refused: Refused | None = None
) -> Response:
    receivers = await _ml_receivers(here, "CAN_RECEIVE_MODEL_OUTPUT")
    return _form("start_export.html", here, "models", typed, refused, receivers=receivers, **_version(asked))


async def inference(asked: Asked) -> Response:
    """StartTrainedModelInferenceJob, of the version that the address names."""
    here = await within(asked)
    form = asked.form
    if form is None:
        return await _inference_form(here, asked, {"instance": "ml.m5.large"})
    return await _started(
        asked.visitor.call(
            ML,
            "StartTrainedModelInferenceJob",
            membershipIdentifier=here.membership,
            name=form.get("name", ""),
            description=form.get("description") or None,
            trainedModelArn=asked.query.get("model", ""),
            trainedModelVersionIdentifier=asked.query.get("version") or BASE_VERSION,
            dataSource={"mlInputChannelArn": form.get("channel", "")},
            resourceConfig={"instanceType": form.get("instance", "")},
            outputConfiguration={"members": [{"accountId": form.get("receiver", "")}]},
        ),
        lambda answer: here.url("inference-jobs", answer["trainedModelInferenceJobArn"]),
        lambda refused: _inference_form(here, asked, form, refused),
    )


async def _inference_form(
    here: Within, asked: Asked, typed: Mapping[str, str], refused: Refused | None = None
) -> Response:
    return _form(
        "start_inference.html",
        here,
        "inference-jobs",
        typed,
        refused,
        receivers=await _ml_receivers(here, "CAN_RECEIVE_INFERENCE_OUTPUT"),
        channels=await _active_channels(here),
        instances=_instances("StartTrainedModelInferenceJob"),
        **_version(asked),
    )


def _version(asked: Asked) -> dict[str, str]:
    return {"model": asked.query.get("model", ""), "version": asked.query.get("version") or BASE_VERSION}


async def _ml_receivers(here: Within, ability: str) -> list[dict[str, Any]]:
    found = await every(
        here.visitor, CLEANROOMS, "ListMembers", "memberSummaries", collaborationIdentifier=here.identifier
    )
    return [one for one in found.items if ability in one.get("mlAbilities", {}).get("customMLMemberAbilities", [])]


async def _active_channels(here: Within) -> list[dict[str, Any]]:
    found = await every(
        here.visitor, ML, "ListMLInputChannels", "mlInputChannelsList", membershipIdentifier=here.membership
    )
    return [one for one in found.items if one["status"] == "ACTIVE"]


def _instances(operation: str) -> list[str]:
    """The instance types that the service model knows."""
    shape: Any = services()[ML].operations[operation].input_shape
    return sorted(shape.members["resourceConfig"].members["instanceType"].enum)


def named_lines(text: str) -> dict[str, str]:
    """`depth = 3` on a line of its own is a name and its value; a line without `=` is a name with an empty one."""
    lines = [line for line in text.splitlines() if line.strip()]
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}


def _form(
    template: str, here: Within, tab: str, typed: Mapping[str, str], refused: Refused | None, **more: Any
) -> Response:
    return page(
        template,
        200 if refused is None else refused.status,
        visitor=here.visitor,
        here=here,
        tab=tab,
        typed=typed,
        refused=refused,
        **more,
    )


def _number(form: Mapping[str, str], field: str) -> int | str:
    """A number; of what is none the text, which the service model refuses by the field's name."""
    text = form.get(field, "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text


def _role(here: Within) -> str:
    """A role that is stored and answered, and opens nothing: one of the visitor's own account."""
    return f"arn:aws:iam::{here.visitor.account_id}:role/whiteroom"


async def _algorithms(here: Within) -> tuple[dict[str, Any], ...]:
    operation = "ListCollaborationConfiguredModelAlgorithmAssociations"
    member = "collaborationConfiguredModelAlgorithmAssociations"
    found = await every(here.visitor, ML, operation, member, collaborationIdentifier=here.identifier)
    return found.items
