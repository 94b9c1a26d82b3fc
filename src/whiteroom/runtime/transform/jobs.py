"""One batch transform: what it is asked for, within which bounds, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from whiteroom.runtime.transform.buffers import Buffers
from whiteroom.runtime.transform.splitting import Payload, csv_payloads, whole_payload

MB: Final = 1024 * 1024
"""Bytes in the "MB" of maxPayloadInMB: what SageMaker's own local mode counts."""
DEFAULT_PAYLOAD_MB: Final = 6
MAX_PAYLOAD_MB: Final = 100
"""SageMaker's, for one payload and for all that are under way at once."""
MAX_CONCURRENT: Final = 16


@dataclass(frozen=True, slots=True)
class TransformJob:
    """One batch transform as the client sees it."""

    input_folder: Path
    output_folder: Path
    """Takes one `NAME.out` for each file of the input folder. Must exist."""
    content_type: str
    """`text/csv` is split by line; anything else (`application/x-parquet`) is sent whole."""
    header: bool
    """Whether each CSV file begins with a header row."""
    accept: str | None
    max_payload_mb: int | None
    """The request's own; None leaves the choice to the container, then to the default of 6."""
    ready_timeout_seconds: float
    """How long the server may take until it first answers GET /ping with 200."""
    host: str = "127.0.0.1"
    port: int = 8080
    response_timeout_seconds: float = 600
    files: tuple[str, ...] | None = None
    """The names of those that this client is to transform; None means all of the folder's."""

    @property
    def is_csv(self) -> bool:
        """Whether files are cut by line, and answers joined by line."""
        return self.content_type == "text/csv"

    @property
    def headers(self) -> dict[str, str]:
        """Those of every request that carries a payload."""
        return {"Content-Type": self.content_type} | ({"Accept": self.accept} if self.accept else {})

    def input_files(self) -> list[Path]:
        """What is to be transformed, in the order of the names."""
        if self.files is not None:
            return [self.input_folder / name for name in sorted(self.files)]
        return sorted(entry for entry in self.input_folder.iterdir() if entry.is_file())

    def payloads(self, file: Path, buffers: Buffers) -> Iterator[Payload]:
        """What the requests for one file carry; the buffers take a byte more than one may."""
        if self.is_csv:
            return csv_payloads(file, buffers, header=self.header)
        return whole_payload(file, buffers.size_bytes - 1)


@dataclass(frozen=True, slots=True)
class TransformOutcome:
    """How a transform ended. `message` is safe for the member: file, byte range, HTTP status; never contents."""

    ok: bool
    message: str = ""
    files_written: tuple[str, ...] = field(default=())
    files_failed: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class ExecutionParameters:
    """What the container says of itself at /execution-parameters, within our bounds."""

    max_concurrent: int = 1
    max_payload_mb: int = DEFAULT_PAYLOAD_MB
