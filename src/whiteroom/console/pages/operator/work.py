"""Queries, channels, trainings, inference jobs and exports of all members: what is under way, and what has failed."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.places import place_in, place_of
from whiteroom.console.rendering import page
from whiteroom.ports.store import Work
from whiteroom.reads.jobs import Standing, jobs

SHOWN = 50

KINDS: Mapping[Work, str] = {
    Work.PROTECTED_QUERIES: "query",
    Work.ML_INPUT_CHANNELS: "channel",
    Work.TRAINED_MODELS: "training",
    Work.TRAINED_MODEL_INFERENCE_JOBS: "inference job",
    Work.TRAINED_MODEL_EXPORT_JOBS: "export",
}
USAGES: Mapping[str, str] = {
    "CPUUtilization": "CPU",
    "MemoryUtilization": "memory",
    "DiskUtilization": "disk",
    "GPUUtilization": "GPU",
    "GPUMemoryUtilization": "GPU memory",
}
_PATHS: Mapping[Standing, tuple[str, str]] = {
    Standing.UNDER_WAY: ("Work under way", "/operator/work"),
    Standing.FAILED: ("Work that has failed", "/operator/failures"),
}


async def show(asked: Asked) -> Response:
    """What waits or runs."""
    return await _shown(asked, Standing.UNDER_WAY, Standing.FAILED)


async def show_failures(asked: Asked) -> Response:
    """What ended otherwise than it was meant to, and under which code."""
    return await _shown(asked, Standing.FAILED, Standing.UNDER_WAY)


async def _shown(asked: Asked, standing: Standing, other: Standing) -> Response:
    after = place_in(asked.query.get("after", ""))
    found = await asked.visitor.inside.read(lambda tx: jobs(tx, standing, SHOWN, after))
    title, path = _PATHS[standing]
    other_title, other_path = _PATHS[other]
    return page(
        "operator/work.html",
        visitor=asked.visitor,
        title=title,
        path=path,
        other_title=other_title,
        other_path=other_path,
        found=found.items,
        older=place_of(found.next),
        is_continued=after is not None,
        kinds=KINDS,
        usages=USAGES,
    )
