from __future__ import annotations

import pytest

from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import SERVER
from whiteroom.aws.late import LateClients
from whiteroom.aws.refusals import AwsRefused, AwsUnusable


def test_clients_are_made_once_somebody_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    made: list[AwsClients] = []

    def make() -> AwsClients:
        made.append(AwsClients("eu-west-1"))
        return made[-1]

    late = LateClients(make)
    assert not made
    assert late.client("s3", SERVER).meta.region_name == "eu-west-1"
    assert late.credentials(SERVER)["AWS_ACCESS_KEY_ID"] == "k"
    late.forget(SERVER)
    assert len(made) == 1


def test_where_they_cannot_be_made_all_is_refused_with_the_reason_and_tried_again() -> None:
    tried = []

    def make() -> AwsClients:
        tried.append(1)
        raise AwsUnusable("boto3 is not installed.")

    late = LateClients(make)
    for ask in (lambda: late.client("s3", SERVER), lambda: late.credentials(SERVER), lambda: late.forget(SERVER)):
        with pytest.raises(AwsRefused, match="boto3 is not installed"):
            ask()
    assert len(tried) == 3
