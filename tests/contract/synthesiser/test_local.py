"""The synthesiser of this machine keeps to the contract; and what its rows are like."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from contract.synthesiser.suite import SynthesiserContract
from support.disks import needs_root, small_disk
from support.patience import Patience
from support.patients import SQL, a_synthesis, folders_of, parameters
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.synthetic_data import (
    DELTA,
    NO_SYNTHESIS,
    ColumnType,
    SynthesisFailure,
    SynthesisObservation,
    SynthesisSpec,
)
from whiteroom.synthesis.synthesiser import LocalSynthesiser

pytestmark = pytest.mark.slow

CATEGORICAL, NUMERICAL = ColumnType.CATEGORICAL, ColumnType.NUMERICAL


@pytest.fixture
def synthesiser(tmp_path: Path) -> LocalSynthesiser:
    return LocalSynthesiser(tmp_path, FolderData(tmp_path))


class TestLocalSynthesiser(SynthesiserContract):
    adapters = (LocalSynthesiser,)

    @pytest.fixture
    def data(self, tmp_path: Path) -> FolderData:
        return FolderData(tmp_path)

    @pytest.fixture
    def spec(self, tmp_path: Path) -> SynthesisSpec:
        return a_synthesis(tmp_path)


def ended(synthesiser: LocalSynthesiser, spec: SynthesisSpec) -> SynthesisObservation:
    synthesiser.start(spec)
    patience = Patience(120)
    while (seen := synthesiser.observe(spec.id)).phase is not Phase.ENDED:
        assert seen.phase is Phase.RUNNING
        assert not patience.is_lost
        patience.rest()
    # It lets go of its lock when it has ended, and it ends when the real rows are gone.
    assert not Path(synthesiser._data.path(spec.source)).exists()
    return seen


def rows_of(folder: Path, spec: SynthesisSpec, sql: str) -> list[tuple[Any, ...]]:
    rows = f"'{folders_of(folder).rows}/*.{spec.result_format.value.lower()}'"
    with duckdb.connect() as connection:
        return connection.execute(sql.replace("ROWS", rows)).fetchall()


def no_row_is_kept(folder: Path) -> bool:
    return not folders_of(folder).source.exists() and not list((folder / "channels").iterdir())


def test_synthetic_rows_have_the_columns_the_types_and_about_the_number_of_the_real_ones(
    synthesiser: LocalSynthesiser, tmp_path: Path
) -> None:
    spec = a_synthesis(tmp_path)
    seen = ended(synthesiser, spec)
    assert seen.result is not None, seen
    assert seen.result.files == ("part-00000.parquet",)
    assert seen.result.size_bytes == (folders_of(tmp_path).rows / "part-00000.parquet").stat().st_size
    assert 3_600 < seen.result.rows < 4_400
    assert rows_of(tmp_path, spec, "SELECT count(*) FROM ROWS") == [(seen.result.rows,)]
    assert [row[:2] for row in rows_of(tmp_path, spec, "DESCRIBE FROM ROWS")] == [
        ("town", "VARCHAR"),
        ("drug", "VARCHAR"),
        ("age", "BIGINT"),
        ("weight", "DOUBLE"),
        ("visits", "INTEGER"),
        ("outcome", "INTEGER"),
    ]


def test_the_epsilon_of_the_template_is_spent_and_not_more(synthesiser: LocalSynthesiser, tmp_path: Path) -> None:
    seen = ended(synthesiser, a_synthesis(tmp_path, parameters=parameters(epsilon=3.0)))
    assert seen.cost is not None, seen
    assert 2.9 < seen.cost.epsilon <= 3.0
    assert 0 < seen.cost.delta <= DELTA
    assert 0.4 <= seen.cost.score <= 0.6


def test_what_depends_on_what_is_learned(synthesiser: LocalSynthesiser, tmp_path: Path) -> None:
    spec = a_synthesis(tmp_path, rows=8_000)
    ended(synthesiser, spec)
    ((heavy, light),) = rows_of(
        tmp_path, spec, "SELECT avg(outcome) FILTER (weight > 90), avg(outcome) FILTER (weight < 60) FROM ROWS"
    )
    assert heavy > 0.9
    assert light < 0.1
    ((missing, towns, low, high),) = rows_of(
        tmp_path,
        spec,
        "SELECT avg((drug IS NULL)::INT), count(DISTINCT town), "
        "quantile_cont(age, 0.03), quantile_cont(age, 0.97) FROM ROWS",
    )
    assert 0.2 < missing < 0.3
    assert towns == 2
    # What is learned of the ends of a column is noise in part.
    assert 16 <= low <= 25
    assert 75 <= high <= 84


def test_csv_has_a_header_row_and_several_files_where_one_would_be_too_large(
    synthesiser: LocalSynthesiser, tmp_path: Path
) -> None:
    spec = a_synthesis(tmp_path, result_format=ResultFormat.CSV, max_file_bytes=50_000)
    seen = ended(synthesiser, spec)
    assert seen.result is not None
    assert len(seen.result.files) > 1
    for name in seen.result.files:
        assert (folders_of(tmp_path).rows / name).read_text().startswith("town,drug,age,weight,visits,outcome\n")


def test_an_outlier_and_a_name_that_one_row_has_never_come_out(synthesiser: LocalSynthesiser, tmp_path: Path) -> None:
    outlier = "UNION ALL SELECT 'Zz top secret', 'aspirin', 999, 1e12, 77, 1"
    spec = a_synthesis(tmp_path, f"{SQL} {outlier}", rows=20_000, parameters=parameters(epsilon=1.0))
    assert ended(synthesiser, spec).result is not None
    found = rows_of(
        tmp_path, spec, "SELECT max(age), max(weight), max(visits), count(*) FILTER (town LIKE 'Zz%') FROM ROWS"
    )
    ((age, weight, visits, named),) = found
    assert age < 300
    assert weight < 1_000
    assert visits < 40
    assert named == 0


def test_rows_over_the_score_are_not_kept_and_what_they_cost_is_told(
    synthesiser: LocalSynthesiser, tmp_path: Path
) -> None:
    # No score is below 0: the service model's least threshold is 0.5, at which chance would decide.
    spec = a_synthesis(tmp_path, parameters=parameters(max_score=-1.0))
    seen = ended(synthesiser, spec)
    assert (seen.result, seen.failure) == (None, SynthesisFailure.SCORE)
    assert seen.cost is not None
    assert f"score is {seen.cost.score:.2f}" in seen.message
    assert no_row_is_kept(tmp_path)


FIVE = "i AS a, i % 2 AS b, i % 3 AS c, i % 5 AS d"
FIVE_TYPES = dict.fromkeys("abcd", NUMERICAL)


@pytest.mark.parametrize(
    ("sql", "types", "word"),
    [
        (SQL, {"town": CATEGORICAL}, "does not classify"),
        (f"SELECT {FIVE} FROM range(4000) t(i)", {**FIVE_TYPES, "e": NUMERICAL}, "does not have"),
        (f"SELECT {FIVE}, 'x' AS e FROM range(4000) t(i)", {**FIVE_TYPES, "e": NUMERICAL}, "VARCHAR"),
        (f"SELECT {FIVE}, DATE '2020-01-01' AS e FROM range(4000) t(i)", {**FIVE_TYPES, "e": NUMERICAL}, "DATE"),
        (f"SELECT {FIVE}, i > 5 AS e FROM range(4000) t(i)", {**FIVE_TYPES, "e": NUMERICAL}, "BOOLEAN"),
        (f"SELECT {FIVE}, [i] AS e FROM range(4000) t(i)", {**FIVE_TYPES, "e": CATEGORICAL}, "ARRAY"),
        (f"SELECT {FIVE}, 1 AS e FROM range(0) t(i)", {**FIVE_TYPES, "e": CATEGORICAL}, "too few rows"),
        (f"SELECT {FIVE}, 1 AS e FROM range(90) t(i)", {**FIVE_TYPES, "e": CATEGORICAL}, "too few rows"),
        (f"SELECT {FIVE}, 'n' || i AS e FROM range(40000) t(i)", {**FIVE_TYPES, "e": CATEGORICAL}, "'e'"),
    ],
)
def test_what_cannot_be_synthesised_is_said_in_a_sentence(
    synthesiser: LocalSynthesiser, tmp_path: Path, sql: str, types: dict[str, ColumnType], word: str
) -> None:
    spec = a_synthesis(tmp_path, sql, parameters=parameters(types=types))
    seen = ended(synthesiser, spec)
    assert seen.failure is SynthesisFailure.UNFIT, seen
    assert word in seen.message
    assert seen.message.endswith(".")
    assert no_row_is_kept(tmp_path)


def test_odd_columns_come_out_as_they_are_but_for_noise(synthesiser: LocalSynthesiser, tmp_path: Path) -> None:
    types = {
        "nothing": CATEGORICAL,
        "no_number": NUMERICAL,
        "constant": NUMERICAL,
        "third": NUMERICAL,
        "day": CATEGORICAL,
        "yes": CATEGORICAL,
        "price": NUMERICAL,
        "tiny": NUMERICAL,
    }
    spec = a_synthesis(
        tmp_path,
        """SELECT NULL::VARCHAR AS nothing, NULL::DOUBLE AS no_number, 7::BIGINT AS constant,
                  CASE i % 3 WHEN 0 THEN 'nan'::DOUBLE WHEN 1 THEN 'inf'::DOUBLE ELSE 0.0 END AS third,
                  DATE '2020-02-28' + (i % 3)::INTEGER AS day, i % 2 = 0 AS yes, (i % 100)::DECIMAL(5, 2) AS price,
                  (i % 256 - 128)::TINYINT AS tiny
             FROM range({rows}) AS t(i)""",
        parameters=parameters(types=types),
    )
    seen = ended(synthesiser, spec)
    assert seen.result is not None, seen
    ((nothing, sevens, thirds, days, yeses),) = rows_of(
        tmp_path,
        spec,
        "SELECT count(nothing) + count(no_number), avg((constant = 7)::INT), avg((third IS NULL)::INT), "
        "list_sort(list(DISTINCT CAST(day AS VARCHAR))), count(DISTINCT yes) FROM ROWS",
    )
    assert (nothing, yeses) == (0, 2)
    # Noise of 6.7 rows is on each of at most four neighbours of 7: 5 % of 3,600 rows with odds below 1e-9.
    assert sevens > 0.95
    assert 0.6 < thirds < 0.73
    assert days == ["2020-02-28", "2020-02-29", "2020-03-01"]
    assert [row[1] for row in rows_of(tmp_path, spec, "DESCRIBE FROM ROWS")][-2:] == ["DECIMAL(5,2)", "TINYINT"]


def test_one_that_the_machine_killed_is_seen_as_absent_and_can_be_begun_again(
    synthesiser: LocalSynthesiser, tmp_path: Path
) -> None:
    spec = a_synthesis(tmp_path)
    synthesiser.start(spec)
    os.killpg(int((tmp_path / "syntheses" / spec.id / "pid").read_text()), signal.SIGKILL)
    while (seen := synthesiser.observe(spec.id)).phase is Phase.RUNNING:
        time.sleep(0.02)
    assert seen == NO_SYNTHESIS
    assert ended(synthesiser, spec).result is not None


def test_a_synthesis_has_a_time_limit(synthesiser: LocalSynthesiser, tmp_path: Path) -> None:
    spec = a_synthesis(tmp_path, rows=1_000_000, timeout_seconds=1)
    seen = ended(synthesiser, spec)
    assert seen.failure is SynthesisFailure.TIMEOUT
    assert no_row_is_kept(tmp_path)


def test_a_synthesis_has_a_memory_limit(synthesiser: LocalSynthesiser, tmp_path: Path) -> None:
    wide = ", ".join(f"i * {n} AS c{n}" for n in range(60))
    types = {f"c{n}": NUMERICAL for n in range(60)}
    sql = f"SELECT {wide} FROM range(3000000) t(i)"
    spec = a_synthesis(tmp_path, sql, parameters=parameters(types=types), memory_bytes=50_000_000)
    seen = ended(synthesiser, spec)
    assert seen.failure is SynthesisFailure.RESOURCES, seen
    assert no_row_is_kept(tmp_path)


@needs_root
def test_a_disk_that_the_rows_do_not_fit_on_is_told_and_has_its_room_back(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=3) as disk:
        spec = a_synthesis(disk.path, rows=100_000, result_format=ResultFormat.CSV)
        seen = ended(LocalSynthesiser(disk.path, FolderData(disk.path)), spec)
        assert seen.failure is SynthesisFailure.RESOURCES
        assert "make room" in seen.message
        assert no_row_is_kept(disk.path)
        assert disk.free_bytes > 2 * 2**20
