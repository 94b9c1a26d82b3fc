"""AWS Glue as the catalog, as moto has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.catalog.suite import COLUMNS, KNOWN, CatalogContract
from support.lakes import Lake, session_of
from whiteroom.aws.clients import AwsClients
from whiteroom.catalog.glue import GlueCatalog
from whiteroom.ports.catalog import CatalogUnavailable, Reader, TableNotFound

OWNER, OTHER = "111111111111", "222222222222"
READER = Reader("query-1", f"arn:aws:iam::{OWNER}:role/clean-rooms")


@pytest.fixture
def profiles(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Profiles of both accounts, and the server's own."""
    text = f"[default]\naws_access_key_id = AKIASERVER\naws_secret_access_key = s\nendpoint_url = {moto}\n"
    for account in (OWNER, OTHER):
        keys = session_of(moto, account).get_credentials().get_frozen_credentials()
        text += (
            f"[profile a{account}]\naws_access_key_id = {keys.access_key}\naws_secret_access_key = {keys.secret_key}\n"
            f"aws_session_token = {keys.token}\nendpoint_url = {moto}\n"
        )
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return {account: f"a{account}" for account in (OWNER, OTHER)}


@pytest.fixture
def glue(profiles: dict[str, str]) -> GlueCatalog:
    return GlueCatalog(AwsClients("us-east-1", "", profiles), profiles)


@pytest.fixture
def lake(moto: str) -> Lake:
    return Lake(moto, OWNER)


class TestGlueCatalog(CatalogContract):
    adapters = (GlueCatalog,)

    @pytest.fixture
    def catalog(self, glue: GlueCatalog, lake: Lake) -> GlueCatalog:
        _, database, table = KNOWN
        columns = {column.name: column.type for column in COLUMNS}
        lake.table(table, columns, database=database)
        return glue


def test_for_a_query_the_objects_are_listed_with_the_role_of_the_association(
    profiles: dict[str, str], lake: Lake
) -> None:
    lake.table("people", {"id": "bigint"})
    uri = lake.put("people/1.csv", "1\n")
    catalog = GlueCatalog(AwsClients("us-east-1"))
    [found] = catalog.resolve(OWNER, lake.database, "people", reader=READER).objects
    assert (found.uri, found.size_bytes) == (uri, 2)
    assert found.etag == lake.s3.head_object(Bucket=lake.bucket, Key="people/1.csv")["ETag"]


def test_a_role_of_another_account_is_refused(profiles: dict[str, str], lake: Lake) -> None:
    lake.table("people", {"id": "bigint"})
    catalog = GlueCatalog(AwsClients("us-east-1"))
    with pytest.raises(TableNotFound, match="is not of the account"):
        catalog.resolve(OWNER, lake.database, "people", reader=Reader("q", READER.role_arn.replace("1" * 12, OTHER)))


def test_the_region_of_a_reference_is_honoured(glue: GlueCatalog, moto: str) -> None:
    far = Lake(moto, OWNER, region="eu-west-1")
    far.table("people", {"id": "bigint"})
    assert glue.has_regions
    assert glue.resolve(OWNER, far.database, "people", region="eu-west-1").columns
    with pytest.raises(TableNotFound, match="in us-east-1 has no such table"):
        glue.resolve(OWNER, far.database, "people", region="us-east-1")


def test_a_view_a_link_and_a_place_elsewhere_are_refused_by_what_they_are(glue: GlueCatalog, lake: Lake) -> None:
    lake.table("view", {"id": "bigint"}, TableType="VIRTUAL_VIEW", ViewOriginalText="/* Presto View: e30= */")
    lake.table("link", {"id": "bigint"}, TargetTable={"DatabaseName": "x", "Name": "y"})
    for name, told in (("view", "it is a view"), ("link", "link to a table")):
        with pytest.raises(TableNotFound, match=told):
            glue.resolve(OWNER, lake.database, name)
    lake.table("hdfs", {"id": "bigint"}, location="hdfs://name/node")
    with pytest.raises(TableNotFound, match="no place in S3"):
        glue.resolve(OWNER, lake.database, "hdfs", reader=READER)


def test_a_partition_that_is_read_otherwise_than_its_table_is_refused(glue: GlueCatalog, lake: Lake) -> None:
    lake.table("sales", {"n": "bigint"}, partitioned_by={"yr": "int"})
    lake.partition("sales", ["2024"], "sales/yr=2024/", separatorChar="|")
    with pytest.raises(TableNotFound, match="its partition 2024 has another SerDe"):
        glue.resolve(OWNER, lake.database, "sales", reader=READER)


@pytest.mark.parametrize("folder", ["_delta_log", ".hoodie"])
def test_files_of_a_table_with_a_log_are_not_read_without_it(glue: GlueCatalog, lake: Lake, folder: str) -> None:
    lake.table("facts", {"n": "bigint"}, "parquet")
    lake.put(f"facts/{folder}/0", "x")
    with pytest.raises(TableNotFound, match=folder):
        glue.resolve(OWNER, lake.database, "facts", reader=READER)


@pytest.mark.parametrize("count", [2, 12])
def test_objects_belong_to_the_partitions_that_glue_knows(glue: GlueCatalog, lake: Lake, count: int) -> None:
    lake.table("sales", {"n": "bigint"}, partitioned_by={"yr": "int"})
    for year in range(count):
        lake.partition("sales", [str(year)], f"sales/year-{year}")
        lake.put(f"sales/year-{year}/deep/1.csv", "1\n")
    lake.put("sales/year-99/1.csv", "1\n")
    found = glue.resolve(OWNER, lake.database, "sales", reader=READER).objects
    assert {(item.uri.split("/")[4], item.partition) for item in found} == {
        (f"year-{year}", (str(year),)) for year in range(count)
    }


def test_a_catalog_that_does_not_answer_is_asked_again_and_one_that_refuses_is_not(
    monkeypatch: pytest.MonkeyPatch, glue: GlueCatalog, lake: Lake
) -> None:
    lake.table("people", {"id": "bigint"})
    lake.s3.delete_bucket(Bucket=lake.bucket)
    with pytest.raises(TableNotFound, match=f"s3:ListObjectsV2 on the bucket {lake.bucket} was refused"):
        glue.resolve(OWNER, lake.database, "people", reader=READER)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("whiteroom.aws.clients.ATTEMPTS", 1)
    with pytest.raises(CatalogUnavailable):
        GlueCatalog(AwsClients("us-east-1")).resolve(OWNER, lake.database, "people")
