"""The log of a training or an inference job, page by page from its end."""

from __future__ import annotations

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.rendering import page
from whiteroom.console.run_logs import is_job, lines, streams
from whiteroom.console.within import BASE_VERSION, within

ON_A_PAGE = 200


async def show(asked: Asked) -> Response:
    """The newest lines of a stream (`?stream=NAME`), or the page that a token names (`&at=TOKEN`)."""
    here = await within(asked)
    arn, version = asked.path["arn"], asked.query.get("version") or BASE_VERSION
    names = await streams(asked.visitor, arn, version)
    wanted, token = asked.query.get("stream") or (names[0] if names else ""), asked.query.get("at") or None
    found = await lines(asked.visitor, arn, wanted, ON_A_PAGE, token) if wanted else None
    return page(
        "run_log.html",
        visitor=asked.visitor,
        here=here,
        tab="inference-jobs" if is_job(arn) else "models",
        arn=arn,
        version=version,
        streams=names,
        found=found,
        is_newest=token is None,
    )
