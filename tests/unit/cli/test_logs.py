from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from support.command import CommandLine
from support.worlds.driven import World
from support.worlds.records import PREFIX
from support.worlds.requests import ALICE, BOB
from whiteroom.base.arns import new_id
from whiteroom.domain.execution.runs import LogLine
from whiteroom.domain.resources.trained_models import Status

LINES = [
    LogLine(1_772_366_400_123, "stdout", "epoch 1"),
    LogLine(1_772_366_401_000, "stderr", "\x1b[2Jwarning\x07", host="algo-2"),
    LogLine(1_772_366_402_000, "platform", "The program ended with exit code 0."),
]


@pytest.fixture
def written(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[LogLine]]:
    """What each run wrote, by run id."""
    written: dict[str, list[LogLine]] = {}
    monkeypatch.setattr(world.runtime, "logs", lambda run_id, after=0: iter(written.get(run_id, [])[after:]))
    return written


def test_a_log_is_shown_line_by_line_with_time_host_and_stream(
    cli: CommandLine, world: World, written: dict[str, list[LogLine]]
) -> None:
    model = world.ready_model()
    written[f"training-{model.id}"] = LINES
    out = cli("logs", model.arn).out
    assert out.splitlines()[0] == "2026-03-01 12:00:00.123 algo-1 stdout: epoch 1"
    assert "algo-2 stderr: " in out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_a_log_is_json_lines_for_scripts(cli: CommandLine, world: World, written: dict[str, list[LogLine]]) -> None:
    model = world.ready_model()
    written[f"training-{model.id}"] = LINES
    lines = [json.loads(line) for line in cli("logs", model.arn, "--json").out.splitlines()]
    assert lines[1] == {"at_ms": 1_772_366_401_000, "stream": "stderr", "text": "\x1b[2Jwarning\x07", "host": "algo-2"}


def test_an_inference_job_has_a_log_too(cli: CommandLine, world: World, written: dict[str, list[LogLine]]) -> None:
    job = world.inference_job()
    written[f"inference-{job.id}"] = LINES[:1]
    assert "epoch 1" in cli("logs", job.arn).out


def test_each_version_has_its_own_log_and_the_latest_is_shown_first(
    cli: CommandLine, world: World, written: dict[str, list[LogLine]]
) -> None:
    model = world.ready_model()
    later = dataclasses.replace(model, id=new_id(), version_identifier=new_id(), name="later", revision=0)
    with world.store.transaction() as tx:
        tx.trained_models.submit(later, actor=ALICE)
        tx.trained_models.note(model, actor=ALICE, at=world.clock(), is_latest=False)
    written[f"training-{model.id}"] = [LINES[0]]
    written[f"training-{later.id}"] = [LINES[2]]
    assert "exit code 0" in cli("logs", model.arn).out
    assert "exit code 0" in cli("logs", model.arn, "--version", later.version_identifier).out
    for name in ("base", "NULL"):
        assert "epoch 1" in cli("logs", model.arn, "--version", name).out
    answer = cli("logs", model.arn, "--version", "7")
    assert answer.code == 1
    assert later.version_identifier in answer.err


def test_following_shows_what_comes_and_ends_with_the_run(
    cli: CommandLine, world: World, written: dict[str, list[LogLine]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = world.model()
    lines = written[f"training-{model.id}"] = LINES[:1]

    def time_passes(_seconds: Any) -> None:
        lines.append(LINES[2])
        world.drive()

    monkeypatch.setattr("whiteroom.cli.logs.time.sleep", time_passes)
    out = cli("logs", "--follow", model.arn).out
    assert [line.split(": ")[1] for line in out.splitlines()] == ["epoch 1", LINES[2].text]
    with world.store.reading() as tx:
        ended = tx.trained_models.get(model.id)
    assert ended is not None
    assert ended.status is Status.ACTIVE


def test_a_run_that_wrote_nothing_says_what_is_known(
    cli: CommandLine, world: World, written: dict[str, list[LogLine]]
) -> None:
    world.runtime.images.clear()
    model = world.model()
    answer = cli("logs", model.arn)
    assert (answer.code, answer.out) == (0, "")
    assert "CREATE_PENDING" in answer.err
    world.drive()
    assert "There is no image image:1." in cli("logs", model.arn).err


def test_a_kind_without_a_program_is_refused(cli: CommandLine, world: World) -> None:
    answer = cli("logs", world.ready_channel().arn)
    assert answer.code == 1
    assert "whiteroom explain" in answer.err


@pytest.mark.parametrize("kind", ["trained-model", "trained-model-inference-job"])
def test_what_is_not_there_is_refused(cli: CommandLine, world: World, kind: str) -> None:
    answer = cli("logs", f"{PREFIX}/{kind}/nobody")
    assert answer.code == 1
    assert f"{kind}/nobody" in answer.err


def test_only_a_model_has_versions(cli: CommandLine, world: World) -> None:
    answer = cli("logs", world.inference_job().arn, "--version", "base")
    assert answer.code == 1
    assert "--version" in answer.err


# -- as a member ------------------------------------------------------------------------


def policy(**rest: Any) -> dict[str, Any]:
    return {"trainedModels": {"containerLogs": [{"allowedAccountIds": [BOB], **rest}]}}


@pytest.fixture
def kept(cli: CommandLine) -> Any:
    """Writes a log where the server keeps it."""

    def keep(run_id: str, lines: list[LogLine]) -> None:
        folder = cli.data / "logs"
        folder.mkdir(exist_ok=True)
        with (folder / f"{run_id}.jsonl").open("a") as file:
            file.writelines(json.dumps(dataclasses.asdict(line)) + "\n" for line in lines)

    return keep


def test_a_members_view_is_what_the_policies_let_it_read(cli: CommandLine, world: World, kept: Any) -> None:
    hides = {"logRedactionConfiguration": {"entitiesToRedact": ["NUMBERS"]}}
    world.set_policies(policy(filterPattern="epoch", **hides))
    model = world.ready_model()
    kept(f"training-{model.id}", LINES)
    assert cli("logs", model.arn, "--as", BOB).out == "2026-03-01 12:00:00.123 algo-1 stdout: epoch [REDACTED]\n"
    line = json.loads(cli("logs", model.arn, "--as", BOB, "--json").out)
    assert line == {**dataclasses.asdict(LINES[0]), "text": "epoch [REDACTED]"}


@pytest.mark.parametrize(
    ("account", "reason"),
    [(ALICE, "not in allowedAccountIds"), ("444444444444", "no active member"), (BOB, "Nothing was written")],
)
def test_a_member_who_reads_nothing_is_told_why(
    cli: CommandLine, world: World, kept: Any, account: str, reason: str
) -> None:
    world.set_policies(policy(filterPattern="^never$"))
    model = world.ready_model()
    kept(f"training-{model.id}", LINES)
    answer = cli("logs", model.arn, "--as", account)
    assert (answer.code, answer.out) == (0, "")
    assert reason in answer.err


def test_a_members_view_is_followed_to_its_end(
    cli: CommandLine, world: World, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.set_policies(policy())
    model = world.model()
    run = f"training-{model.id}"
    kept(run, LINES[:1])

    def time_passes(_seconds: Any) -> None:
        kept(run, [LINES[2]])
        world.drive()

    monkeypatch.setattr("whiteroom.cli.logs.time.sleep", time_passes)
    out = cli("logs", "--follow", model.arn, "--as", BOB).out
    assert [line.split(": ")[1] for line in out.splitlines()] == ["epoch 1", LINES[2].text]
