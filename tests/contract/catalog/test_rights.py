"""The rights that docs/tables.md names are enough to read a table, and none is too much, as moto enforces them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

from contract.deliveries.test_rights import ACCOUNT, ROLE, Aws
from support.iceberg_tables import rows
from support.lake_tables import LakeDelta, iceberg_table
from support.lakes import Lake
from support.moto import moto_server
from whiteroom.aws.bringing import Wanted, bring
from whiteroom.aws.clients import AwsClients
from whiteroom.aws.handed import handed_client
from whiteroom.aws.identities import member
from whiteroom.aws.refusals import AwsRefused
from whiteroom.catalog.glue import GlueCatalog
from whiteroom.ports.catalog import Reader, TableNotFound

PAGE = (Path(__file__).parents[3] / "docs" / "tables.md").read_text()
(POLICY,) = (json.loads(one) for one in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
ACTIONS = [
    action
    for statement in POLICY["Statement"]
    for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
]


class RootLake(Lake):
    """A lake of moto's own account, whose rights are looked at."""

    def __post_init__(self) -> None:
        own = boto3.Session("a", "b", region_name=self.region)
        self.s3: Any = own.client("s3", endpoint_url=self.moto)
        self.glue: Any = own.client("glue", endpoint_url=self.moto)
        self.s3.create_bucket(Bucket=self.bucket)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """Of its own: whether rights are looked at is a matter of the whole server."""
    with moto_server(tmp_path_factory.mktemp("moto")) as url:
        yield Aws(url)


@pytest.fixture
def lake(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RootLake:
    aws.enforce(False)
    lake = RootLake(aws.url, ACCOUNT)
    lake.table("people", {"id": "bigint"}, partitioned_by={"p": "int"})
    lake.put("people/p=1/1.csv", "1\n")
    lake.partition("people", ["1"], "people/p=1/")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.keys["SecretAccessKey"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    return lake


def allow(aws: Aws, lake: Lake, without: str = "", only: Collection[str] = ACTIONS) -> None:
    statements = []
    for one in POLICY["Statement"]:
        actions = [action for action in ACTIONS if action in one["Action"] and action in {*only} - {without}]
        # Moto knows no resources of Glue: their ARNs are for a person to look at.
        everything = {"Resource": "*"} if "glue" in str(actions) else {}
        statements.append({**one, "Action": actions, **everything})
    text = json.dumps({**POLICY, "Statement": [one for one in statements if one["Action"]]})
    for name, value in {
        "REGION": lake.region,
        "ACCOUNT": ACCOUNT,
        "DATABASE/TABLE": f"{lake.database}/people",
        "DATABASE": lake.database,
        "BUCKET": lake.bucket,
        "PREFIX": "people" if only is ACTIONS else "facts",
    }.items():
        text = text.replace(name, value)
    aws.enforce(False)
    aws.iam.put_role_policy(RoleName="whiteroom-results", PolicyName="tables", PolicyDocument=text)
    aws.enforce(True)


def read(lake: Lake, folder: Path) -> bytes:
    clients = AwsClients("us-east-1")
    reader = Reader("query-1", ROLE)
    found = GlueCatalog(clients).resolve(ACCOUNT, lake.database, "people", reader=reader)
    identity = member(ACCOUNT, ROLE, reader.query_id)
    s3 = handed_client("s3", clients.credentials(identity))
    bring(s3, identity, [Wanted(found.objects[0], folder / "rows")], lambda _: None)
    return (folder / "rows").read_bytes()


def test_the_rights_of_the_page_are_enough(aws: Aws, lake: RootLake, tmp_path: Path) -> None:
    allow(aws, lake)
    assert read(lake, tmp_path) == b"1\n"


@pytest.mark.parametrize("kind", ["iceberg", "delta"])
def test_they_are_enough_for_iceberg_and_delta_and_a_state_is_remembered_for_no_other_role(
    aws: Aws, lake: RootLake, kind: str
) -> None:
    if kind == "iceberg":
        schema = Schema(NestedField(1, "id", LongType()))
        iceberg_table(lake, "facts", schema).append(rows(schema, id=[1]))
        needed = {"glue:GetTable", "s3:GetObject"}
    else:
        delta = LakeDelta(lake, "facts")
        delta.write({"id": [1]})
        delta.in_glue({"id": "bigint"})
        needed = {"glue:GetTable", "s3:GetObject", "s3:ListBucket"}
    catalog = GlueCatalog(AwsClients("us-east-1"))
    allow(aws, lake, only=needed)
    [item] = catalog.resolve(ACCOUNT, lake.database, "facts", reader=Reader("q", ROLE)).objects
    assert item.uri.startswith(f"s3://{lake.bucket}/facts/")
    for action in needed:
        allow(aws, lake, only=needed - {action})
        with pytest.raises(TableNotFound, match="was refused"):
            catalog.resolve(ACCOUNT, lake.database, "facts", reader=Reader("q", ROLE))


@pytest.mark.parametrize("action", ACTIONS)
def test_without_one_of_them_the_call_is_named_that_was_refused(
    aws: Aws, lake: RootLake, tmp_path: Path, action: str
) -> None:
    allow(aws, lake, without=action)
    called = {"s3:ListBucket": "s3:ListObjectsV2"}.get(action, action)
    with pytest.raises((TableNotFound, AwsRefused), match=rf"{called} on .* was refused"):
        read(lake, tmp_path)
