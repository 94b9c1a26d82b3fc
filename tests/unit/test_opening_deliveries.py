from __future__ import annotations

import threading
from pathlib import Path

import pytest

from support.worlds.driven import World
from whiteroom.base.clock import utc_now
from whiteroom.data.buckets import BucketDeliveries
from whiteroom.data.folder import FolderData
from whiteroom.opening import open_deliveries, open_handover
from whiteroom.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def no_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


def test_members_locations_are_folders_or_buckets_by_one_setting(tmp_path: Path) -> None:
    folder = FolderData(tmp_path)
    assert open_deliveries(Settings(data=tmp_path), folder) is folder
    assert isinstance(open_deliveries(Settings(data=tmp_path, buckets="s3"), folder), BucketDeliveries)


def test_a_profile_that_is_not_there_keeps_a_server_from_starting(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, buckets="s3", account_profiles="111122223333=nobody")
    with pytest.raises(SettingsError, match="'nobody'"):
        open_deliveries(settings, FolderData(tmp_path))


def test_a_bucket_that_does_not_answer_keeps_no_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    began, answers = threading.Event(), threading.Event()

    def sweep(_: BucketDeliveries) -> None:
        began.set()
        answers.wait()

    monkeypatch.setattr(BucketDeliveries, "sweep", sweep)
    try:
        open_handover(Settings(data=world.tmp, buckets="s3"), world.store, world.data, utc_now)
        assert began.wait(30)
        assert not answers.is_set()
    finally:
        answers.set()
        world.close()
