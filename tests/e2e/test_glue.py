"""The demo's story with its tables in Glue and its results in S3: by its scripts' own calls, and no `catalog add`."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import csv

from e2e.test_story import FLIGHTS_A_MONTH, HERE, write_tables
from support.command import whiteroom
from support.lake_tables import iceberg_table
from support.lakes import Lake, session_of
from support.server import RunningServer, running_server
from whiteroom.demo.story import AIRLINE, IMAGE, LAB, WEATHER, Outcome, Story

pytestmark = pytest.mark.slow

FLIGHTS = {
    **dict.fromkeys(("year", "month", "day", "hour"), "int"),
    "time_hour": "timestamp",
    **dict.fromkeys(("carrier", "origin", "dest"), "varchar(10)"),
    "distance": "decimal(10,1)",
    **dict.fromkeys(("sched_dep_time", "sched_arr_time"), "string"),
    "arr_delay": "double",
    "tailnum": "string",
}
RESULTS = "delay-lab"


@dataclass(frozen=True)
class Told:
    """The story's outcome, and who told it."""

    outcome: Outcome
    server: RunningServer
    s3: Any
    """Of the lab, whose bucket has the results."""

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=RESULTS, Key=key)["Body"].read()
        return body

    def names(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=RESULTS, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found]


def profiles(moto: str) -> str:
    """The server's own credentials, and a profile of each account that has tables."""
    text = f"[default]\naws_access_key_id = AKIASERVER\naws_secret_access_key = s\nendpoint_url = {moto}\n"
    for account in (AIRLINE, WEATHER):
        keys = session_of(moto, account).get_credentials().get_frozen_credentials()
        text += (
            f"[profile a{account}]\naws_access_key_id = {keys.access_key}\naws_secret_access_key = {keys.secret_key}\n"
            f"aws_session_token = {keys.token}\nendpoint_url = {moto}\n"
        )
    return text


def fill_lakes(moto: str, tables: Path) -> None:
    """Flights as CSV in a partition of each month, weather as a table of Iceberg."""
    flights, weather = write_tables(tables)
    airline, office = Lake(moto, AIRLINE), Lake(moto, WEATHER)
    header, *rows = flights.read_text().splitlines(keepends=True)
    columns = {name: kind for name, kind in FLIGHTS.items() if name != "month"}
    airline.table(
        "flights",
        columns,
        "csv",
        {"skip.header.line.count": "1"},
        partitioned_by={"month": "int"},
        database="nyc",
    )
    for month in range(1, 13):
        of_month = [row.split(",") for row in (header, *rows) if row.split(",")[1] in {"month", str(month)}]
        airline.put(f"flights/m{month}/1.csv", "".join(",".join([row[0], *row[2:]]) for row in of_month))
        airline.partition("flights", [str(month)], f"flights/m{month}/", database="nyc")
    hours: pyarrow.Table = csv.read_csv(weather)
    # Of a column without a value it is not known what it would hold.
    types = [pyarrow.float64() if pyarrow.types.is_null(kind) else kind for kind in hours.schema.types]
    hours = hours.cast(pyarrow.schema(zip(hours.schema.names, types, strict=True)))
    iceberg_table(office, "weather", hours.schema, database="nyc").append(hours)


@pytest.fixture(scope="module")
def told(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("glue")
    room = folder / "room"
    fill_lakes(moto, folder / "tables")
    s3 = session_of(moto, LAB).client("s3", endpoint_url=moto)
    s3.create_bucket(Bucket=RESULTS)
    whiteroom("images", "build", IMAGE, str(HERE / "algorithm"), "--data", str(room))
    (folder / "aws").write_text(profiles(moto))
    mapped = ", ".join(f"{account}=a{account}" for account in (AIRLINE, WEATHER))
    (room / "whiteroom.toml").write_text(f'catalog = "glue"\nbuckets = "s3"\naccount_profiles = "{mapped}"\n')
    environment = {"AWS_CONFIG_FILE": str(folder / "aws"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none")}
    with running_server(room, environment={**environment, "AWS_EC2_METADATA_DISABLED": "true"}) as server:
        yield Told(Story(server.client, lambda line: None).run(), server, s3)


def test_channels_hold_the_rows_of_both_members_tables(told: Told) -> None:
    joined = FLIGHTS_A_MONTH - 1
    assert told.outcome.channels == {
        "january-to-september": 9 * joined,
        "october-and-november": 2 * joined,
        "december": joined,
        "flights-alone": 9 * FLIGHTS_A_MONTH,
    }


def test_predictions_and_the_model_are_in_the_receivers_own_bucket(told: Told) -> None:
    for trained in told.outcome.trained:
        (predictions,) = (key for key in told.names(trained.predictions) if key.endswith(".out"))
        assert [line.split(",")[1] for line in told.read(predictions).decode().splitlines()].count("1") == 1
    with tarfile.open(fileobj=io.BytesIO(told.read(told.outcome.export))) as tar:
        model = json.load(tar.extractfile("model.json"))  # type: ignore[arg-type]
    assert model["trainings"] == 2


def test_nothing_of_the_tables_is_left_on_the_server_nor_any_secret_of_their_owners(told: Told) -> None:
    data = told.server.data
    assert not list(data.glob("queries/*"))
    assert not list(data.glob("catalog/*"))
    secret = session_of_secret(told).encode()
    files = [file for file in data.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if secret in file.read_bytes()]


def session_of_secret(told: Told) -> str:
    text = (told.server.data.parent / "aws").read_text()
    return next(line.split(" = ")[1] for line in text.splitlines() if line.startswith("aws_session_token"))
