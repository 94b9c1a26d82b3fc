"""Logs in a folder of this machine, as supervisors write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from contract.run_logs.suite import RunLogsContract, Write
from whiteroom.domain.execution.runs import RunId
from whiteroom.runtime.run_logs import FolderRunLogs
from whiteroom.runtime.supervisor.logs import LogWriter


class TestFolderRunLogs(RunLogsContract):
    adapters = (FolderRunLogs,)

    @pytest.fixture
    def logs(self, tmp_path: Path) -> FolderRunLogs:
        return FolderRunLogs(tmp_path, bytes(range(32)))

    @pytest.fixture
    def write(self, tmp_path: Path) -> Write:
        def add(run_id: RunId, lines: Sequence[tuple[int, str]]) -> None:
            writer = LogWriter(str(tmp_path / f"{run_id}.jsonl"), limit_bytes=1 << 30, line_characters=1 << 16)
            for at_ms, text in lines:
                writer.add(at_ms, "algo-1", "stdout", [text.encode()])
            writer.close()

        return add
