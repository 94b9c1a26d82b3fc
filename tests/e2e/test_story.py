"""The demo's story in small: the same calls, a few rows, and an algorithm of the standard library alone."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.command import whiteroom
from support.patience import Patience
from support.server import RunningServer, running_server
from whiteroom.demo.story import AIRLINE, IMAGE, LAB, WEATHER, Outcome, Story

HERE = Path(__file__).parent
MONTHS = range(1, 13)
FLIGHTS_A_MONTH = 4
PATIENCE_SECONDS = 60

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Told:
    """The story's outcome, and what it left on the machine."""

    outcome: Outcome
    server: RunningServer
    bucket: Path


def write_tables(folder: Path) -> tuple[Path, Path]:
    """Four flights a month, every second one late; weather for all but the last of them."""
    flights = [
        "year,month,day,hour,time_hour,carrier,origin,dest,distance,sched_dep_time,sched_arr_time,arr_delay,tailnum"
    ]
    weather = ["origin,time_hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib"]
    for month in MONTHS:
        for hour in range(FLIGHTS_A_MONTH):
            at = f"2013-{month:02}-01 {hour:02}:00:00"
            delay = 45 if hour % 2 else 3
            flights.append(f"2013,{month},1,{hour},{at},UA,EWR,IAH,1400,{hour}00,{hour}59,{delay},N1")
            if hour < FLIGHTS_A_MONTH - 1:
                weather.append(f"EWR,{at},39.5,26,59,270,10.3,,0,1012,10")
    folder.mkdir()
    paths = folder / "flights.csv", folder / "weather.csv"
    for path, lines in zip(paths, (flights, weather), strict=True):
        path.write_text("\n".join(lines) + "\n")
    return paths


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("story")
    room = folder / "room"
    flights, weather = write_tables(folder / "tables")
    whiteroom("catalog", "add", "--account", AIRLINE, "nyc.flights", str(flights), "--data", str(room))
    whiteroom("catalog", "add", "--account", WEATHER, "nyc.weather", str(weather), "--data", str(room))
    whiteroom("images", "build", IMAGE, str(HERE / "algorithm"), "--data", str(room))
    with running_server(room) as server:
        outcome = Story(server.client, lambda line: None).run()
        yield Told(outcome, server, room / "objects" / "delay-lab")


def test_channels_hold_the_rows_that_their_queries_join(told: Told) -> None:
    joined = FLIGHTS_A_MONTH - 1
    assert told.outcome.channels == {
        "january-to-september": 9 * joined,
        "october-and-november": 2 * joined,
        "december": joined,
        "flights-alone": 9 * FLIGHTS_A_MONTH,
    }


def test_the_second_version_goes_on_from_the_first_under_its_arn(told: Told) -> None:
    first, _, second = told.outcome.trained
    assert second.arn == first.arn
    assert first.version == "NULL"
    assert second.version != "NULL"
    predictions = (told.bucket / second.predictions).glob("*.out")
    seen = {line.split(",")[0] for file in predictions for line in file.read_text().splitlines()}
    assert seen == {str(11 * (FLIGHTS_A_MONTH - 1))}, "version two has seen the rows of both trainings"


def test_predictions_are_delivered_in_the_order_of_the_rows(told: Told) -> None:
    for trained in told.outcome.trained:
        files = sorted((told.bucket / trained.predictions).iterdir())
        assert [file.suffix for file in files] == [".out"]
        assert [line.split(",")[1] for line in files[0].read_text().splitlines()].count("1") == 1


def test_the_export_holds_the_model_and_nothing_else(told: Told) -> None:
    archive = told.bucket / told.outcome.export
    assert [file.name for file in archive.parent.iterdir()] == ["model.tar.gz"]
    with tarfile.open(archive) as tar:
        files = [member.name for member in tar.getmembers() if member.isfile()]
        model = json.load(tar.extractfile("model.json"))  # type: ignore[arg-type]
    assert files == ["model.json"]
    assert model["trainings"] == 2
    assert model["hyperparameters"] == {"trees": "30", "learning_rate": "0.1", "depth": "4"}


def test_every_refusal_gives_a_reason_that_names_what_to_do(told: Told) -> None:
    reasons = {refusal.tried: refusal.reason for refusal in told.outcome.refusals}
    assert len(reasons) == 4
    early = next(reason for tried, reason in reasons.items() if "before its owner" in tried)
    assert "weather" in early
    assert "CreateConfiguredTableAssociationAnalysisRule" in early
    assert "CAN_QUERY" in next(reason for tried, reason in reasons.items() if "training" in tried)
    assert "Denied" in next(reason for tried, reason in reasons.items() if "exports" in tried)


def test_what_the_program_printed_is_the_operators_to_read(told: Told) -> None:
    printed = whiteroom("logs", told.outcome.trained[0].arn, "--json", "--data", str(told.server.data)).out
    lines = [json.loads(line) for line in printed.splitlines()]
    assert ("stdout", "train_loss=0.5") in [(line["stream"], line["text"]) for line in lines]
    assert ("stderr", "a line on stderr") in [(line["stream"], line["text"]) for line in lines]


def test_explain_tells_every_step_of_a_model(told: Told) -> None:
    told_of = whiteroom("explain", told.outcome.trained[0].arn, "--data", str(told.server.data)).out
    for status in ("CREATE_PENDING", "CREATE_IN_PROGRESS", "ACTIVE"):
        assert status in told_of


def test_the_query_behind_a_channel_is_told_to_its_member_without_rows_or_receivers(told: Told) -> None:
    ml, rooms = told.server.client("cleanroomsml", LAB), told.server.client("cleanrooms", LAB)
    membership = rooms.list_memberships()["membershipSummaries"][0]["id"]
    channels = ml.list_ml_input_channels(membershipIdentifier=membership)["mlInputChannelsList"]
    ended = {}
    for channel in channels:
        details = ml.get_ml_input_channel(
            membershipIdentifier=membership, mlInputChannelArn=channel["mlInputChannelArn"]
        )
        query = rooms.get_protected_query(
            membershipIdentifier=membership, protectedQueryIdentifier=details["protectedQueryIdentifier"]
        )["protectedQuery"]
        ended[channel["name"]] = query["status"]
        assert "result" not in query
    assert ended.pop("too-early") == "FAILED"
    assert set(ended.values()) == {"SUCCESS"}
    listed = rooms.list_protected_queries(membershipIdentifier=membership)["protectedQueries"]
    assert {row["receiverConfigurations"][0]["analysisType"] for row in listed} == {"ADDITIONAL_ANALYSIS"}


def test_nobody_but_its_membership_reads_a_model(told: Told) -> None:
    ml = told.server.client("cleanroomsml", WEATHER)
    rooms = told.server.client("cleanrooms", WEATHER)
    membership = rooms.list_memberships()["membershipSummaries"][0]["id"]
    with pytest.raises(ml.exceptions.ClientError, match=r"AccessDenied|ResourceNotFound"):
        ml.get_trained_model(membershipIdentifier=membership, trainedModelArn=told.outcome.trained[0].arn)


def test_no_run_is_left_behind(told: Told) -> None:
    assert list((told.server.data / "runs").glob("training-*")) == []
    assert told.server.client("cleanroomsml", LAB).list_configured_model_algorithms()


def train_on_two_instances(told: Told, name: str, distribution: str) -> Any:
    """A training of the story's algorithm on the story's first channel; as it is once it has ended."""
    ml, rooms = told.server.client("cleanroomsml", LAB), told.server.client("cleanrooms", LAB)
    membership = rooms.list_memberships()["membershipSummaries"][0]["id"]
    (association,) = ml.list_configured_model_algorithm_associations(membershipIdentifier=membership)[
        "configuredModelAlgorithmAssociations"
    ]
    channels = ml.list_ml_input_channels(membershipIdentifier=membership)["mlInputChannelsList"]
    channel = next(one["mlInputChannelArn"] for one in channels if one["name"] == "january-to-september")
    arn = ml.create_trained_model(
        membershipIdentifier=membership,
        name=name,
        configuredModelAlgorithmAssociationArn=association["configuredModelAlgorithmAssociationArn"],
        resourceConfig={"instanceType": "ml.m5.large", "instanceCount": 2, "volumeSizeInGB": 1},
        dataChannels=[
            {"mlInputChannelArn": channel, "channelName": "train", "s3DataDistributionType": distribution},
        ],
    )["trainedModelArn"]
    patience = Patience(PATIENCE_SECONDS)
    while True:
        model = ml.get_trained_model(membershipIdentifier=membership, trainedModelArn=arn)
        if model["status"] in {"ACTIVE", "CREATE_FAILED"}:
            return model
        assert not patience.is_lost, model["status"]
        patience.rest()


def test_two_instances_that_leave_the_same_model_leave_one(told: Told) -> None:
    model = train_on_two_instances(told, "two", "FullyReplicated")
    assert model["status"] == "ACTIVE", model.get("statusDetails")
    printed = whiteroom("logs", model["trainedModelArn"], "--json", "--data", str(told.server.data)).out
    lines = [json.loads(line) for line in printed.splitlines()]
    assert {line["host"] for line in lines if line["text"] == "train_loss=0.5"} == {"algo-1", "algo-2"}


def test_two_instances_share_out_a_channel_of_one_file_and_may_not_overwrite_each_other(told: Told) -> None:
    model = train_on_two_instances(told, "two-halves", "ShardedByS3Key")
    assert model["status"] == "CREATE_FAILED"
    details = model["statusDetails"]
    assert details["statusCode"] == "ConflictingArtifact"
    assert "model.json is not the same on algo-1 and algo-2" in details["message"]
    (layout,) = (told.server.data / "channels").glob("*.layouts/2")
    rows = [len(file.read_text().splitlines()) - 1 for file in sorted(layout.iterdir())]
    assert rows == [13, 14], "27 rows, each file with a header"
