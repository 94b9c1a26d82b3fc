"""Starts what lends a run's channels: a process for each run, with the server's own identity."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

from whiteroom.base.documents import from_document, to_document
from whiteroom.data.s3.manifests import KeptFile
from whiteroom.data.s3.ranges import PATIENCE_SECONDS
from whiteroom.domain.execution.data import DataRef
from whiteroom.processes.children import reaped

_MODULE: Final = "whiteroom.data.s3.lender"


@dataclass(frozen=True, slots=True)
class LentFiles:
    """What is in a folder that is lent."""

    data: DataRef
    files: tuple[KeptFile, ...]


@dataclass(frozen=True, slots=True)
class Lenders:
    """What every lender has to know of the server's settings. No secret is among it."""

    folder: str
    """The server's."""
    location: str
    cache_bytes: int
    region: str
    profile: str
    patience_seconds: float = PATIENCE_SECONDS

    def start(self, lent: tuple[LentFiles, ...], listener: int, log: int) -> None:
        """Start one with the server's own variables: it finds credentials where the server does."""
        with os.fdopen(os.memfd_create("lent", os.MFD_CLOEXEC), "w+b") as handed:
            handed.write(json.dumps(to_document(_Handed(self, lent))).encode())
            handed.seek(0)
            process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-m", _MODULE, str(listener)],
                cwd=self.folder,
                stdin=handed,
                stdout=log,
                stderr=log,
                pass_fds=(listener,),
                start_new_session=True,
            )
        reaped(process.wait)


@dataclass(frozen=True, slots=True)
class _Handed:
    """What a lender reads from its standard input."""

    settings: Lenders
    lent: tuple[LentFiles, ...]


def read_handed(data: bytes) -> tuple[Lenders, tuple[LentFiles, ...]]:
    """What `Lenders.start` has handed over."""
    handed = from_document(_Handed, json.loads(data))
    return handed.settings, handed.lent
