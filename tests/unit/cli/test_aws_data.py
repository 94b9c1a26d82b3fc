from __future__ import annotations

import boto3
import botocore.session
import pytest

from support.command import whiteroom


def test_the_folder_that_is_printed_gives_boto3_the_waiters_and_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = whiteroom("aws-data")
    monkeypatch.setenv("AWS_DATA_PATH", answer.out.strip())
    session = boto3.Session(region_name="eu-west-1", botocore_session=botocore.session.Session())
    assert "trained_model_active" in session.client("cleanroomsml").waiter_names
    assert session.client("cleanrooms").waiter_names == ["protected_query_success"]
    assert "whiteroom" in session.get_available_services()


def test_without_it_boto3_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DATA_PATH", raising=False)
    session = boto3.Session(region_name="eu-west-1", botocore_session=botocore.session.Session())
    assert session.client("cleanroomsml").waiter_names == []
