"""What is in examples/, as a newcomer runs it: its commands in a shell, its server, its notebooks in Jupyter's kernel.

The kernel and the AWS CLI are in an environment of their own, which has boto3 and nothing of the server.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.ports import free_port
from support.server import RunningServer, running_server

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-notebooks"
PROGRAM = ".venv/bin/whiteroom"
CELL_SECONDS = 600


@dataclass(frozen=True)
class Place:
    """A folder like a clone's, with the examples in it, and whose home it is."""

    folder: Path
    port: int

    @property
    def variables(self) -> Mapping[str, str]:
        """Of a shell there: nothing of AWS's from outside."""
        home = self.folder / "home"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "HOME": str(home),
            "JUPYTER_RUNTIME_DIR": str(home / "jupyter"),
            "IPYTHONDIR": str(home / "ipython"),
            "MPLCONFIGDIR": str(home / "matplotlib"),
            "NO_COLOR": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "WHITEROOM_PORT": str(self.port),
        }

    def shell(self, line: str, **variables: str) -> str:
        """Run a line as it stands, but for where Whiteroom is; what it prints."""
        command = line.replace(PROGRAM, f"{sys.executable} -m whiteroom")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    @contextmanager
    def server(self, commands: list[str]) -> Iterator[RunningServer]:
        """Run these commands, the last of which starts the server."""
        *before, last = commands
        assert last in {f"{PROGRAM} up", f"{PROGRAM} up --dev"}
        for line in before:
            self.shell(line)
        data = self.folder / "whiteroom-data"
        with running_server(data, "--port", str(self.port), dev=last.endswith("--dev")) as server:
            yield server

    def execute(self, name: str, **variables: str) -> dict[str, Any]:
        """Run a notebook from its beginning to its end; it with its outputs. It fails where a cell does."""
        assert ENVIRONMENT.is_dir(), "`make .venv-notebooks/.ready` makes what runs notebooks"
        executed = self.folder / "executed"
        self.shell(
            f"{ENVIRONMENT}/bin/jupyter-execute --timeout={CELL_SECONDS} --output={executed} examples/{name}",
            PYTHONPATH=str(ROOT / "src"),
            PATH=f"{ENVIRONMENT}/bin:{os.environ['PATH']}",
            **variables,
        )
        document: dict[str, Any] = json.loads(executed.with_suffix(".ipynb").read_text())
        return document


def place(folder: Path) -> Place:
    """A folder with a copy of the examples."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "home").mkdir()
    return Place(folder, free_port())


def notebook(name: str) -> dict[str, Any]:
    """A notebook as it is kept."""
    document: dict[str, Any] = json.loads((ROOT / "examples" / name).read_text())
    return document


def commands(document: Mapping[str, Any]) -> list[str]:
    """What a notebook tells to type."""
    texts = ("".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "markdown")
    blocks = (block for text in texts for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    return [line for block in blocks for line in block.splitlines()]


def outputs(document: Mapping[str, Any], of: str) -> list[dict[str, Any]]:
    """The outputs of the cells whose code has these words, by their types; text that is printed is `printed`."""
    cells = [cell for cell in document["cells"] if cell["cell_type"] == "code" and of in "".join(cell["source"])]
    assert cells, of
    return [
        {"printed": "".join(output["text"])} if output["output_type"] == "stream" else _joined(output["data"])
        for cell in cells
        for output in cell["outputs"]
    ]


def _joined(data: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: "".join(value) if isinstance(value, list) else value for kind, value in data.items()}


def said(document: Mapping[str, Any], of: str) -> str:
    """All that these cells show, as one text."""
    shown = outputs(document, of)
    return "\n".join(str(value) for output in shown for kind, value in output.items() if kind != "image/png")
