"""The operator's first page: the machine, and how much work there is."""

from __future__ import annotations

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.pages.operator.work import KINDS
from whiteroom.console.rendering import page
from whiteroom.reads.jobs import job_counts

COUNTED = 1000
"""So far is counted, of each kind and status."""


async def show(asked: Asked) -> Response:
    """The machine as it was within the last seconds, and what is under way."""
    visitor = asked.visitor
    machine = await asked.looks.machine.now()
    counts = await visitor.inside.read(lambda tx: job_counts(tx, COUNTED))
    return page("operator/overview.html", visitor=visitor, machine=machine, counts=counts, kinds=KINDS)
