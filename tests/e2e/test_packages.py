"""The sdist and the wheel: all of the product is in them, and the command works where no clone is."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from support.packages import ROOT, Distributions, Installed, build, install, install_alone
from whiteroom.cli.main import NOUNS

SOURCE = ROOT / "src"
FILES = {
    str(file.relative_to(SOURCE)): file
    for file in (SOURCE / "whiteroom").rglob("*")
    if file.is_file() and file.suffix != ".pyc"
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    return build(tmp_path_factory.mktemp("distributions"))


@pytest.fixture(scope="module")
def alone(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install_alone(distributions.wheel, tmp_path_factory.mktemp("installed") / "venv")


def test_every_file_of_the_product_is_in_both_and_programs_can_be_run(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as archive:
        kept = {member.name.partition("/src/")[2]: member.mode & 0o111 for member in archive.getmembers()}
    with zipfile.ZipFile(distributions.wheel) as archive:
        packed = {info.filename: (info.external_attr >> 16) & 0o111 for info in archive.infolist()}
    programs = {name for name, file in FILES.items() if file.stat().st_mode & 0o111}
    assert {"whiteroom/demo/algorithm/train", "whiteroom/demo/algorithm/serve"} <= programs
    for found in (kept, packed):
        assert FILES.keys() - found.keys() == set()
        assert {name for name in programs if not found[name]} == set()


def test_the_installed_command_has_every_noun_and_none_of_it_comes_from_the_clone(
    alone: Installed, tmp_path: Path
) -> None:
    shown = alone("--help", cwd=tmp_path)
    assert shown.code == 0, shown.err
    assert all(noun in shown.out for noun in NOUNS)
    helped = alone("demo", "--help", cwd=tmp_path)
    assert (helped.code, "--folder" in helped.out) == (0, True), helped.err
    data = alone("aws-data", cwd=tmp_path)
    assert Path(data.out.strip()).is_relative_to(alone.environment)


def test_the_installed_command_makes_a_data_folder_with_its_migrations(alone: Installed, tmp_path: Path) -> None:
    added = alone("accounts", "add", "111111111111", "--json", "--data", str(tmp_path / "data"), cwd=tmp_path)
    assert added.code == 0, added.err
    assert added.json["accessKeyId"]


@pytest.mark.services
def test_the_whole_demo_runs_from_the_wheel_once_its_extra_is_installed(
    distributions: Distributions, tmp_path: Path
) -> None:
    environment = tmp_path / "venv"
    plain = install(distributions.wheel, environment)("demo", cwd=tmp_path)
    assert plain.code == 1
    assert "pip install 'whiteroom[demo]'" in plain.err
    assert not (tmp_path / "demo-data").exists()

    told = install(distributions.wheel, environment, "demo")("demo", cwd=tmp_path)
    assert told.code == 0, told.out + told.err
    assert "AUC in December" in told.out
    assert told.out.count("refused: ") == 4
    assert (tmp_path / "demo-data" / "roc.png").read_bytes().startswith(b"\x89PNG")
    assert "What was refused" in (tmp_path / "demo-data" / "report.html").read_text()
