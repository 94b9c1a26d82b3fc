"""docs/settings.md tells every setting, with the default that holds."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from whiteroom.domain.resources.quotas import DEFAULTS, Quota
from whiteroom.settings import Settings, key_of
from whiteroom.settings_loading import load_settings

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
ROWS = {line.split("|")[1].strip(" `"): line for line in PAGE.splitlines() if line.startswith("| `")}
FIELDS = [field for field in dataclasses.fields(Settings) if field.name not in {"data", "quotas"}]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_setting_is_told_with_its_default_and_a_sentence(field: Any) -> None:
    _, _, default, meaning, _ = ROWS[key_of(field.name)].split("|")
    assert meaning.strip().endswith(".")
    if default.strip() == "none":
        assert field.default is None
    else:
        assert tomllib.loads(f"x = {default.strip(' `')}")["x"] == field.default


@pytest.mark.parametrize("quota", Quota)
def test_every_quota_is_told_with_its_default(quota: Quota) -> None:
    told, default = ROWS[quota.value].split("|")[2].strip(), DEFAULTS[quota]
    assert told == ("none" if default is None else f"{default:,}")


def test_nothing_else_is_told() -> None:
    assert set(ROWS) == {key_of(field.name) for field in FIELDS} | {quota.value for quota in Quota}


def test_the_example_is_accepted(tmp_path: Path) -> None:
    example = PAGE.split("```toml\n")[1].split("```")[0]
    (tmp_path / "whiteroom.toml").write_text(example)
    assert load_settings(tmp_path, {}).quotas.limits
