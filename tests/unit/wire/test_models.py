from __future__ import annotations

import pytest

from whiteroom.wire.models import all_operations, services


def test_an_operation_knows_its_route_and_its_errors() -> None:
    create = services()["cleanrooms-ml"].operations["CreateTrainedModel"]
    assert (create.method, create.uri) == ("POST", "/memberships/{membershipIdentifier}/trained-models")
    assert (create.service, create.snake_name, create.success_status) == ("cleanrooms-ml", "create_trained_model", 200)
    assert create.errors["ServiceQuotaExceededException"] == 402


@pytest.mark.parametrize(
    ("service", "name"), [("cleanrooms-ml", "InternalServiceException"), ("cleanrooms", "InternalServerException")]
)
def test_each_service_has_its_own_name_for_an_internal_error(service: str, name: str) -> None:
    assert services()[service].internal_error == name


def test_what_reads_is_told_from_what_writes() -> None:
    reads = [operation for operation in all_operations() if operation.read_only]
    reading = {operation.name for operation in reads}
    assert {"GetTrainedModel", "ListMemberships", "BatchGetSchema"} <= reading
    assert not {"CreateTrainedModel", "TagResource", "DeleteMembership"} & reading
    writing = [operation.name for operation in all_operations() if operation.method == "GET" and operation not in reads]
    assert writing == ["GetResult"]  # it leaves an event
