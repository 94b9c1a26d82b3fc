import pytest

from whiteroom.domain.resources.trained_models import BASE_VERSION, Status
from whiteroom.domain.resources.versions import Omitted, version_filter, version_id

MODEL = "11111111-1111-4111-8111-111111111111"
VERSION = "22222222-2222-4222-8222-222222222222"


@pytest.mark.parametrize("omitted", Omitted)
@pytest.mark.parametrize("identifier", [VERSION, BASE_VERSION])
def test_a_version_that_is_named_is_the_one_that_is_meant(omitted: Omitted, identifier: str) -> None:
    assert version_filter(identifier, omitted) == {"version_identifier": identifier}


def test_a_version_that_is_not_named_is_the_one_that_the_operation_documents() -> None:
    assert {omitted: version_filter(None, omitted) for omitted in Omitted} == {
        Omitted.LATEST: {"is_latest": True},
        Omitted.BASE: {"version_identifier": "NULL"},
        Omitted.LATEST_ACTIVE: {"status": Status.ACTIVE},
    }


def test_a_version_is_kept_under_its_identifier_and_the_base_under_the_models() -> None:
    assert version_id(MODEL, VERSION) == VERSION
    assert version_id(MODEL, "NULL") == MODEL
