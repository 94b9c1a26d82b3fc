"""The command line for tests: `whiteroom(...)` runs it in this process, as the installed command would."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whiteroom.cli.main import run


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """Commands on one data folder."""

    data: Path

    def __call__(self, *arguments: str) -> Answer:
        return whiteroom(*arguments, "--data", str(self.data))


def whiteroom(*arguments: str) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    code: Any = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            run(arguments)
        except SystemExit as end:
            code = end.code
    return Answer(code or 0, out.getvalue(), err.getvalue())
