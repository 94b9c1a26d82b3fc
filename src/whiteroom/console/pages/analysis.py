"""Where an analyst's pages are, below a collaboration: channels, models, inference jobs, queries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.pages import (
    comparisons,
    ending,
    live,
    ml_input_channels,
    protected_queries,
    results,
    run_logs,
    schemas,
    starting,
    trained_model_inference_jobs,
    trained_models,
)

_LOOK, _DO, _FILL_IN = ("GET",), ("POST",), ("GET", "POST")
_HERE = "/collaborations/{collaboration}"

ROUTES: tuple[tuple[str, tuple[str, ...], Callable[[Asked], Awaitable[Response]]], ...] = (
    (f"{_HERE}/channels", _LOOK, ml_input_channels.many),
    (f"{_HERE}/channels/new", _FILL_IN, starting.channel),
    (f"{_HERE}/channels/{{arn:path}}", _LOOK, ml_input_channels.show),
    (f"{_HERE}/models", _LOOK, trained_models.many),
    (f"{_HERE}/models/new", _FILL_IN, starting.training),
    (f"{_HERE}/models/{{arn:path}}", _LOOK, trained_models.show),
    (f"{_HERE}/compare", _LOOK, comparisons.show),
    (f"{_HERE}/live/{{kind}}/{{name:path}}", _LOOK, live.show),
    (f"{_HERE}/logs/{{arn:path}}", _LOOK, run_logs.show),
    (f"{_HERE}/exports/new", _FILL_IN, starting.export),
    (f"{_HERE}/inference-jobs/new", _FILL_IN, starting.inference),
    (f"{_HERE}/inference-jobs", _LOOK, trained_model_inference_jobs.many),
    (f"{_HERE}/inference-jobs/{{arn:path}}", _LOOK, trained_model_inference_jobs.show),
    (f"{_HERE}/results", _LOOK, results.many),
    (f"{_HERE}/results/{{result}}/{{file:path}}", _LOOK, results.fetch),
    (f"{_HERE}/tables/{{table:path}}", _LOOK, schemas.show),
    (f"{_HERE}/queries", _LOOK, protected_queries.many),
    (f"{_HERE}/queries/new", _FILL_IN, starting.query),
    (f"{_HERE}/end/{{kind}}/{{name:path}}", _DO, ending.end),
    (f"{_HERE}/queries/{{query}}", _LOOK, protected_queries.show),
)
"""As `pages.ROUTES`."""
