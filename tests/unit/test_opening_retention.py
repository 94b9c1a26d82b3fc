"""Retention as the settings say it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.worlds.driven import World
from whiteroom.opening import open_retention
from whiteroom.settings import Settings


def three_days_later(folder: Path, settings: dict[str, Any]) -> World:
    """A job has ended, and what was over was erased as the settings say."""
    world = World(folder)
    world.inference_job()
    world.drive()
    world.clock.now += timedelta(days=3)
    chosen = Settings(data=folder, **settings)
    open_retention(chosen, world.store, world.data, world.runtime, world.clock).sweep_now_and_then()
    return world


@pytest.mark.parametrize(
    ("settings", "is_erased"),
    [
        ({}, False),
        ({"result_retention_days": 2}, True),
        ({"result_retention_days": 2, "buckets": "s3"}, True),
        ({"result_retention_days": 2, "s3_port": 0}, True),
    ],
)
def test_results_of_this_server_are_erased_when_the_settings_say_so(
    tmp_path: Path, settings: dict[str, Any], is_erased: bool
) -> None:
    world = three_days_later(tmp_path, settings)
    assert (not world.data.delivered) is is_erased
    world.close()


@pytest.mark.parametrize(
    ("setting", "erased"), [({"log_retention_days": 2}, 2), ({"log_retention_days": 4}, 0), ({}, 0)]
)
def test_logs_are_erased_after_as_many_days_as_the_settings_say(
    tmp_path: Path, setting: dict[str, Any], erased: int
) -> None:
    world = three_days_later(tmp_path, setting)
    assert len(world.runtime.forgotten_logs) == erased
    world.close()
