"""A query that takes too long ends, whatever it is doing."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from noninterference.campaign import Campaign, Stage, judged
from noninterference.runner import TooSlow
from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.sql.walls import BOTH


def test_a_query_whose_rows_are_cut_into_millions_of_files_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by seed 7, which stood in it: the engine was done, and was interrupted all the same."""
    monkeypatch.setattr("noninterference.runner.SECONDS", 1.0)
    campaign = Campaign(tmp_path, 7, {"outputs": 1})
    stage = campaign._stages["outputs"]
    assert isinstance(stage, Stage)
    sql = "SELECT a.diag FROM pc AS a CROSS JOIN pc AS b CROSS JOIN pc AS c"
    spec = replace(stage.spec(sql, random.Random(1)), max_file_bytes=150, result_format=ResultFormat.CSV)
    guarded, uses = judged(spec, BOTH)
    before, started = signal.getsignal(signal.SIGALRM), time.monotonic()
    with pytest.raises(TooSlow):
        stage.compare(spec, guarded, uses, campaign.report, random.Random(1))
    assert time.monotonic() - started < 30
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    campaign.close()
