from __future__ import annotations

from pathlib import Path

import pytest

from support.command import CommandLine
from support.fake_data import RiggedData
from support.worlds.driven import World
from support.worlds.requests import ALICE, BOB
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.ports.store import Work


@pytest.fixture
def model(cli: CommandLine, world: World) -> TrainedModel:
    """A training that ran too long; its artefacts lie where the server keeps them."""
    world.data = world.runtime.data = RiggedData(cli.data)
    world.runtime.end = RunEnd(EndReason.MAX_RUNTIME)
    record_id = world.model().id
    world.drive()
    model: TrainedModel = world.get(Work.TRAINED_MODELS, record_id)
    return model


def test_what_is_kept_and_whose_it_is_are_shown(cli: CommandLine, model: TrainedModel) -> None:
    out = cli("partial", model.arn).out
    assert "model.tar.gz" in out
    assert "output.tar.gz" in out
    assert ALICE in out
    archives = cli("partial", model.arn, "--version", "base", "--json").json["archives"]
    assert [(one["name"], one["bytesOfFiles"]) for one in archives] == [("model.tar.gz", 100), ("output.tar.gz", 10)]


def test_it_is_copied_to_a_folder_and_over_nothing(cli: CommandLine, model: TrainedModel, tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"
    copies = cli("partial", model.arn, "--to", str(target), "--json").json["copies"]
    assert copies == [str(target / "model.tar.gz"), str(target / "output.tar.gz")]
    kept = cli.data / "artefacts" / "trained-models" / model.id / "partial"
    assert all(Path(copy).read_bytes() == (kept / Path(copy).name).read_bytes() for copy in copies)
    again = cli("partial", model.arn, "--to", str(target))
    assert again.code == 1
    assert "exists" in again.err


def test_a_model_of_which_nothing_partial_is_kept_says_how_it_stands(cli: CommandLine, world: World) -> None:
    answer = cli("partial", world.ready_model().arn)
    assert answer.code == 1
    assert "ACTIVE" in answer.err


def test_nothing_else_leaves_anything_partial(cli: CommandLine, world: World) -> None:
    answer = cli("partial", world.ready_channel().arn)
    assert answer.code == 1
    assert "no trained model" in answer.err


def test_what_rests_on_rows_that_their_owner_took_back_is_not_handed_over(
    cli: CommandLine, model: TrainedModel, tmp_path: Path
) -> None:
    assert cli("owner", "stop", "--account", BOB).code == 0
    answer = cli("partial", model.arn, "--to", str(tmp_path / "new"))
    assert answer.code == 1
    assert "'Flights'" in answer.err
    assert not (tmp_path / "new").exists()
