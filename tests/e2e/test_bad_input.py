"""Broken tables, hostile SQL, and programs that fail, misbehave or attack: each ends as documented, alone.

Beside every one of them an innocent training counts along; it must not miss a tick.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.live import LiveRoom, live_room, once

pytestmark = pytest.mark.slow

SECONDS = 45
"""The longest that anything here may take to fail."""
TEN_MEGABYTES = {"unit": "GB", "value": 0.01}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    settings = {
        "WHITEROOM_STOP_GRACE_SECONDS": "1",
        "WHITEROOM_PROCESSES_PER_INSTANCE": "64",
        "WHITEROOM_READY_TIMEOUT_SECONDS": "2",
    }
    with live_room(tmp_path_factory.mktemp("bad") / "data", **settings) as room:
        yield room
        room.assert_nothing_left()


@pytest.fixture(scope="module")
def rows(room: LiveRoom) -> str:
    arn = room.channel("rows")
    room.finished(arn)
    return arn


@pytest.fixture(scope="module")
def model(room: LiveRoom, rows: str) -> str:
    arn = room.train("model", rows)
    room.finished(arn)
    return arn


@pytest.fixture
def bystander(room: LiveRoom, rows: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A training beside the test's own, which comes to its end unharmed."""
    name = f"bystander-{len(request.node.name)}-{time.monotonic_ns()}"
    arn = room.train(name, rows, behaviour="count", ticks="50")
    once(lambda lines: lines, lambda: room.printed(arn))
    yield arn
    room.finished(arn)
    assert room.printed(arn)[1:] == [*(f"tick {number}" for number in range(50)), "done"]


# -- tables and SQL ---------------------------------------------------------------------


def test_a_row_that_broke_after_cataloguing_is_named_by_table_file_and_line_alone(room: LiveRoom) -> None:
    file = room.data.parent / "ledger.csv"
    file.write_text("account,amount\n1,10\n2,20\n3,30\n")
    room.share("ledger", file, ["account", "amount"])
    file.write_text("account,amount\n1,10\n2,verysecret\n3,30\n")
    message = room.failed(room.channel("broken", "SELECT account, amount FROM ledger"), "DataError")
    assert "ledger" in message
    assert "ledger.csv" in message
    assert "line 3" in message
    assert "verysecret" not in message
    assert str(room.data.parent) not in message


REFUSED_SQL = {
    "delete": ("DELETE FROM visits", "SELECT"),
    "create": ("CREATE TABLE x AS SELECT age FROM visits", "SELECT"),
    "two-statements": ("SELECT age FROM visits; SELECT patient FROM visits", "one"),
    "second-is-a-drop": ("SELECT age FROM visits; DROP TABLE visits", "one"),
    "unknown-table": ("SELECT age FROM patients", "patients"),
    "catalog-name": ("SELECT age FROM lake.visits", "visits"),
    "hidden-column": ("SELECT name FROM diagnoses", "name"),
    "hidden-by-star": ("SELECT d.`name` FROM (SELECT * FROM diagnoses) AS d", "name"),
    "read-csv": ("SELECT * FROM read_csv('/etc/passwd')", "READ_CSV"),
    "read-parquet": ("SELECT * FROM read_parquet('/tmp/x.parquet')", "READ_PARQUET"),
    "path": ("SELECT * FROM '/etc/passwd'", ""),
    "spark-path": ("SELECT * FROM parquet.`/tmp/x.parquet`", ""),
    "url": ("SELECT * FROM 'https://example.com/x.csv'", ""),
    "s3": ("SELECT * FROM csv.`s3://other/x.csv`", ""),
    "settings": ("SELECT current_setting('memory_limit') AS x FROM visits", "current_setting"),
    "environment": ("SELECT getenv('HOME') AS x FROM visits", "getenv"),
    "own-view": ("SELECT age FROM `wr$0`", "reserved"),
    "nothing": ("-- nothing", ""),
    "garbage": ("SELECT FROM WHERE \u0007 (((", ""),
    "unclosed": ("SELECT 'x FROM visits", ""),
    "no-query": ("(((", ""),
    "deep": ("SELECT " + "(" * 249_000 + "1" + ")" * 249_000 + " AS x FROM visits", ""),
    "deep-and": ("SELECT age FROM visits WHERE " + "NOT " * 120_000 + "true", ""),
}


@pytest.fixture(scope="module")
def diagnoses(room: LiveRoom) -> None:
    file = room.data.parent / "diagnoses.csv"
    file.write_text("patient,name,code\n1,Ann,J45\n")
    room.share("diagnoses", file, ["patient", "code"])


@pytest.mark.usefixtures("diagnoses")
def test_a_query_that_may_not_run_is_refused_with_the_reason_and_holds_nobody_up(room: LiveRoom) -> None:
    started: dict[str, str] = {}
    slowest = 0.0
    for name, (sql, _) in REFUSED_SQL.items():
        started[name] = room.channel(f"refused-{name}", sql)
        asked = time.monotonic()
        room.call("ListMLInputChannels")
        slowest = max(slowest, time.monotonic() - asked)
    assert slowest < 2
    for name, arn in started.items():
        details = room.finished(arn, "CREATE_FAILED")["statusDetails"]
        assert details["statusCode"] in {"QueryRefused", "QueryInvalid"}, (name, details)
        assert REFUSED_SQL[name][1] in details["message"], (name, details)
        assert "/etc" not in details["message"].replace("'/etc/passwd'", ""), (name, details)
        assert str(room.data) not in details["message"], (name, details)
        assert len(details["message"]) < 1000, (name, details)


# -- trainings --------------------------------------------------------------------------


def test_a_missing_image_is_accepted_and_then_fails_with_the_remedy(room: LiveRoom, rows: str) -> None:
    algorithm = room.algorithm_of("unbuilt", "222222222222.dkr.ecr.eu-central-1.amazonaws.com/unbuilt:1")
    association = room.association(name="unbuilt", algorithm=algorithm)
    rows = room.channel("rows-unbuilt", association=association)
    room.finished(rows)
    message = room.failed(room.train("unbuilt", rows, association), "ImageNotFound")
    assert "unbuilt" in message
    assert "whiteroom images build" in message


FAILURES: dict[str, tuple[str, str]] = {
    "exit_3": ("AlgorithmError", "3"),
    "write_failure": ("AlgorithmError", "x" * 1000 + "y" * 24),
    "fork": ("TooManyProcesses", "64"),
    "fork_on": ("MaxRuntimeExceeded", "5 s"),
    "eat_memory": ("OutOfMemory", "4,294,967,296"),
    "fill_disk": ("VolumeExceeded", "1,000,000,000"),
    "fill_disk_with_many": ("VolumeExceeded", "1,000,000,000"),
    "leave_device": ("AlgorithmError", ""),
    # Told "File too large" at once: the volume is the limit of every single file, too.
    "leave_terabyte": ("AlgorithmError", ""),
    "leave_bad_name": ("UnsafeArtifact", "UTF-8"),
}


@pytest.mark.parametrize("behaviour", FAILURES)
@pytest.mark.usefixtures("bystander")
def test_a_training_that_fails_or_misbehaves_ends_with_its_code_and_a_reason(
    room: LiveRoom, rows: str, behaviour: str
) -> None:
    code, said = FAILURES[behaviour]
    # Who goes on where no more processes can be had harms nobody, and is ended by the time limit alone.
    seconds = 5 if code == "MaxRuntimeExceeded" else 60
    arn = room.train(behaviour.replace("_", "-"), rows, behaviour=behaviour, seconds=seconds)
    message = room.failed(arn, code, SECONDS)
    assert said in message
    assert message
    assert len(message) <= 1100
    assert str(room.data) not in message


LEFT_OUT: dict[str, str] = {
    "leave_link": "weights is a link that leads out",
    "leave_folder_link": "deep/root is a link that leads out",
    "leave_fifo": "weights is a FIFO",
    "leave_socket": "weights is a socket",
}


@pytest.mark.parametrize("behaviour", LEFT_OUT)
@pytest.mark.usefixtures("bystander")
def test_a_training_that_leaves_what_no_archive_holds_is_kept_and_told_of_it(
    room: LiveRoom, rows: str, behaviour: str
) -> None:
    arn = room.train(behaviour.replace("_", "-"), rows, behaviour=behaviour)
    room.finished(arn)
    told = [event["reason"] for event in room.command("explain", arn, "--json").json["events"]]
    assert f"Left out of /opt/ml/model: {LEFT_OUT[behaviour]}." in told


@pytest.mark.usefixtures("bystander")
def test_a_training_may_leave_200_000_files(room: LiveRoom, rows: str) -> None:
    arn = room.train("many", rows, behaviour="leave_many")
    room.finished(arn, seconds=SECONDS * 3)


@pytest.mark.usefixtures("bystander")
def test_a_host_that_gives_up_on_another_fails_the_training_and_is_named(room: LiveRoom, rows: str) -> None:
    arn = room.train("lonely", rows, behaviour="one_never_comes", instances=2)
    assert "algo-1" in room.failed(arn, "AlgorithmError", SECONDS)


@pytest.mark.parametrize("behaviour", ["sleep", "ignore"])
@pytest.mark.usefixtures("bystander")
def test_a_training_that_runs_too_long_is_ended_even_if_it_ignores_sigterm(
    room: LiveRoom, rows: str, behaviour: str
) -> None:
    began = time.monotonic()
    arn = room.train(f"too-long-{behaviour}", rows, behaviour=behaviour, seconds=1)
    assert "1 s" in room.failed(arn, "MaxRuntimeExceeded", SECONDS)
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("bystander")
def test_a_cancelled_training_is_asked_first_and_keeps_nothing(room: LiveRoom, rows: str) -> None:
    arn = room.train("cancelled", rows, behaviour="obey")
    once(lambda lines: lines, lambda: room.printed(arn))
    room.cancel(arn)
    room.finished(arn, "INACTIVE")
    assert room.printed(arn) == ["sleeping", "asked to stop"]
    assert not list((room.data / "artefacts").rglob(f"*{arn.rsplit('/', 1)[1]}*/*"))


@pytest.mark.usefixtures("bystander")
def test_a_cancelled_training_that_ignores_sigterm_is_killed_after_its_grace(room: LiveRoom, rows: str) -> None:
    arn = room.train("cancelled-ignoring", rows, behaviour="ignore")
    once(lambda lines: lines, lambda: room.printed(arn))
    room.cancel(arn)
    room.finished(arn, "INACTIVE", seconds=10)


@pytest.mark.usefixtures("bystander")
def test_a_program_reaches_neither_network_nor_host_nor_other_runs(room: LiveRoom, rows: str, bystander: str) -> None:
    port, pid = room.server.url.rsplit(":", 1)[1], str(room.server.process.pid)
    secret = room.data.parent / "secret"
    secret.write_text("everyone on this machine may read it")
    arn = room.train(
        "looks-around", rows, behaviour="look_around", port=port, data=str(room.data), pid=pid, secret=str(secret)
    )
    room.finished(arn)
    assert room.printed(arn) == ["could: nothing"]


@pytest.mark.usefixtures("bystander")
def test_a_program_that_floods_its_log_harms_nobody(room: LiveRoom, rows: str) -> None:
    arn = room.train("floods", rows, behaviour="flood")
    room.finished(arn)
    assert room.look(arn)["status"] == "ACTIVE"


@pytest.fixture(scope="module")
def strict(room: LiveRoom) -> dict[str, str]:
    """An association whose policy allows artefacts of ten megabytes and no larger, and a channel for it."""
    policies: dict[str, Any] = {
        "trainedModels": {"maxArtifactSize": TEN_MEGABYTES},
        "trainedModelInferenceJobs": {"maxOutputSize": TEN_MEGABYTES},
        "trainedModelExports": {"maxSize": TEN_MEGABYTES, "filesToExport": ["MODEL"]},
    }
    association = room.association(name="strict", policies=policies)
    channel = room.channel("rows-strict", association=association)
    room.finished(channel)
    return {"association": association, "channel": channel}


@pytest.mark.parametrize("behaviour", ["leave_large", "leave_sparse", "leave_names"])
def test_an_artefact_over_the_policys_limit_is_not_kept(room: LiveRoom, strict: dict[str, str], behaviour: str) -> None:
    arn = room.train(behaviour.replace("_", "-"), strict["channel"], strict["association"], behaviour=behaviour)
    assert "maxArtifactSize" in room.failed(arn, "ArtifactTooLarge", SECONDS)


def test_an_output_over_the_policys_limit_is_not_delivered(room: LiveRoom, strict: dict[str, str]) -> None:
    model = room.train("strict-model", strict["channel"], strict["association"])
    room.finished(model)
    arn = room.infer("large-output", model, strict["channel"], BEHAVIOUR="large")
    assert "maxOutputSize" in room.failed(arn, "OutputTooLarge", SECONDS)
    assert not [path for path in room.deliveries() if "/large-output/" in path]


def test_an_export_over_the_policys_limit_is_not_delivered(room: LiveRoom) -> None:
    policies = {"trainedModelExports": {"maxSize": TEN_MEGABYTES, "filesToExport": ["MODEL"]}}
    association = room.association(name="small-exports", policies=policies)
    channel = room.channel("rows-exports", association=association)
    room.finished(channel)
    model = room.train("large-model", channel, association, behaviour="leave_large")
    room.finished(model)
    room.export("large-export", model)
    job = room.exported("large-export", model)
    assert job["status"] == "CREATE_FAILED"
    assert job["statusDetails"]["statusCode"] == "ExportTooLarge"
    assert "maxSize" in job["statusDetails"]["message"]
    assert not [path for path in room.deliveries() if "/large-export/" in path]


# -- inference --------------------------------------------------------------------------

SERVERS: dict[str, tuple[str, str]] = {
    "never_ready": ("InferenceError", "/ping"),
    "silent": ("InferenceError", "/ping"),
    "exit": ("AlgorithmError", "5"),
    "die": ("AlgorithmError", "7"),
    "refuse": ("InferenceError", "500"),
}


@pytest.mark.parametrize("behaviour", SERVERS)
@pytest.mark.usefixtures("bystander")
def test_a_model_server_that_fails_ends_its_job_with_a_reason_and_delivers_nothing(
    room: LiveRoom, rows: str, model: str, behaviour: str
) -> None:
    code, said = SERVERS[behaviour]
    name = behaviour.replace("_", "-")
    arn = room.infer(name, model, rows, BEHAVIOUR=behaviour)
    message = room.failed(arn, code, SECONDS)
    assert said in message
    assert "13,13" not in message
    assert not [path for path in room.deliveries() if f"/{name}/" in path]


def test_a_model_server_that_hangs_is_ended_by_a_cancel(room: LiveRoom, rows: str, model: str) -> None:
    arn = room.infer("hangs", model, rows, BEHAVIOUR="hang")
    once(lambda lines: lines, lambda: room.printed(arn))
    room.call("CancelTrainedModelInferenceJob", trainedModelInferenceJobArn=arn)
    room.finished(arn, "INACTIVE", seconds=10)
