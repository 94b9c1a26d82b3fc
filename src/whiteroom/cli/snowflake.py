"""What `whiteroom doctor` says of Snowflake, where the operator has switched it on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import util

from whiteroom.domain.execution.runs import Finding
from whiteroom.settings import Settings

_DRIVER = "adbc_driver_snowflake"


def about_snowflake(settings: Settings) -> Iterator[Finding]:
    """Whether tables there could be read; nothing where they are not to be."""
    if not settings.snowflake:
        return
    yield Finding(
        "Snowflake",
        util.find_spec(_DRIVER) is not None,
        "ON, AND UNPROVEN: no release was ever run against an account there. Try it on tables whose rows you know.",
        "It takes the extra snowflake: pip install 'whiteroom[snowflake]'",
    )
