"""What is in examples/ runs as it stands: its commands, its notebooks, its script."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from support.examples import ENVIRONMENT, ROOT, commands, notebook, outputs, place, said

pytestmark = [pytest.mark.slow, pytest.mark.services]  # they need .venv-notebooks


def executed(folder: Path, name: str, **variables: str) -> dict[str, Any]:
    """A notebook with what its cells show, after the commands that it tells to type."""
    here = place(folder)
    with here.server(commands(notebook(name))) as server:
        development = {"AWS_ENDPOINT_URL": server.url} if commands(notebook(name))[-1].endswith("--dev") else {}
        return here.execute(name, **development, **variables)


def test_a_first_room(tmp_path: Path) -> None:
    shown = executed(tmp_path, "first-room.ipynb")
    assert "Readmissions" in said(shown, "create_collaboration(")
    assert "too-early is CREATE_FAILED" in said(shown, "too-early")
    assert "2,000 rows, which nobody sees" in said(shown, "numberOfRecords")
    (bar, *_) = outputs(shown, 'lab.wait(ask_for_rows("visits"))')
    assert '<progress value="3" max="3"' in bar["text/html"]
    trained = said(shown, "lab.follow(model)")
    assert "epoch=10 loss=" in trained
    assert "epoch=400 loss=" in trained
    (frame,) = outputs(shown, "lab.metrics(model)")
    assert "shape: (" in frame["text/html"], "polars is there"
    (plot,) = outputs(shown, "lab.plot(model,")
    assert plot["image/png"]
    assert "2,000 answers" in said(shown, "lab.fetch(job")
    refused = said(shown, "attempts = {")
    assert "the laboratory reads rows: " in refused
    assert "the clinic exports the model: An error occurred (AccessDeniedException)" in refused


def test_a_sagemaker_container(tmp_path: Path) -> None:
    shown = executed(tmp_path, "sagemaker-container.ipynb")
    failed = said(shown, 'failed = train("typo"')
    assert "typo is CREATE_FAILED: " in failed
    assert "ValueError: could not convert string to float" in failed
    compared = said(shown, "builder.compare(")
    assert "<strong>hyperparameters.learning_rate</strong>" in compared
    assert "metrics.rmse algo-1.last" in compared
    (plot,) = outputs(shown, "builder.plot(")
    assert plot["image/png"]
    assert "'weights': [" in said(shown, "builder.fetch(export")


def test_a_privacy_officers_tour(tmp_path: Path) -> None:
    shown = executed(tmp_path, "privacy-officer.ipynb")
    assert "REQUIRED" in said(shown, "get_configured_table_analysis_rule")
    assert "NUMBERS" in said(shown, "get_collaboration_configured_model_algorithm_association(")
    assert "epoch=[REDACTED] loss=[REDACTED]" in said(shown, 'lab.wait(train("first"))')
    log = said(shown, "olga.logs(")
    assert "SELECT age, nights, previous, readmitted FROM visits" in log
    assert "It is a privacy officer" in said(shown, 'name="ours"')
    revoked = said(shown, "delete_configured_table_association_analysis_rule")
    assert "AccessDeniedException" in revoked
    assert "epoch" not in revoked
    assert "INACTIVE" in said(shown, "delete_ml_input_channel_data")


def test_a_first_room_with_the_aws_cli(tmp_path: Path) -> None:
    here = place(tmp_path)
    script = (ROOT / "examples" / "first-room.sh").read_text()
    typed = [line.removeprefix("#     ") for line in script.splitlines() if line.startswith("#     ")]
    *before, run = typed
    with here.server(before) as server:
        path = f"{ENVIRONMENT}/bin:{os.environ['PATH']}"
        printed = here.shell(run, AWS_ENDPOINT_URL=server.url, PATH=path)
    assert printed.splitlines()[-1] == "answers.csv has 2000 lines"
    assert all(0 <= float(line) <= 1 for line in (tmp_path / "answers.csv").read_text().split())


def test_the_environment_of_notebooks_has_nothing_of_the_server() -> None:
    packages = {file.name for file in ENVIRONMENT.glob("lib/python3*/site-packages/*")}
    assert {"boto3", "polars"} <= packages
    assert packages & {"msgspec", "duckdb", "sqlglot", "sqlalchemy", "uvicorn", "pandas"} == set()
