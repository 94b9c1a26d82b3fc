"""The process that makes one channel's synthetic rows: a supervisor, and forked from it a worker under limits.

Run as `python -m whiteroom.synthesis.child` in the synthesis' folder. The supervisor erases the real rows, however
the worker ended.
"""

from __future__ import annotations

from pathlib import Path

from whiteroom.domain.execution.synthetic_data import SynthesisFailure, SynthesisSpec
from whiteroom.processes.supervising import Death, limit, supervise
from whiteroom.synthesis.specs import END, Folders, failed, read_end, read_folders, read_spec, write_end
from whiteroom.synthesis.synthesiser import erase_traces

_OVERHEAD_BYTES = 2 << 30
"""Address space that DuckDB and numpy map beside the memory they use."""


def main() -> None:
    """Make the synthetic rows that the working directory describes."""
    spec, folders = read_spec(Path.cwd()), read_folders(Path.cwd())
    death = supervise(lambda: _work(folders, spec), spec.timeout_seconds)
    if death is not Death.OF_ITSELF and read_end(folders.work / END) is None:
        # Before anything is written: they may have filled the disk.
        erase_traces(folders)
        write_end(folders.work / END, failed(*_failure(death, spec)))
    erase_traces(folders)


def _failure(death: Death, spec: SynthesisSpec) -> tuple[SynthesisFailure, str]:
    if death is Death.TIME:
        return SynthesisFailure.TIMEOUT, (
            f"Making the synthetic rows took {spec.timeout_seconds:,} seconds, their limit, without an end. "
            "Ask for fewer columns."
        )
    if death is Death.MEMORY:
        return SynthesisFailure.RESOURCES, _memory_message(spec)
    return SynthesisFailure.PLATFORM, "The synthesis' process failed; the operator finds the cause in its log."


def _memory_message(spec: SynthesisSpec) -> str:
    gigabytes = spec.memory_bytes / 10**9
    return f"Making the synthetic rows needs more than {gigabytes:.1f} GB of memory. Ask for fewer columns or rows."


def _work(folders: Folders, spec: SynthesisSpec) -> None:
    """Make the rows and write down how it ended."""
    try:
        try:
            # Imported here: the supervisor stays small, and the packages need not be there.
            from whiteroom.synthesis.worker import synthesise  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("whiteroom"):
                raise
            write_end(folders.work / END, failed(SynthesisFailure.NOT_INSTALLED, _NOT_INSTALLED))
            return
        limit(spec.memory_bytes, spec.cpus, spec.timeout_seconds, _OVERHEAD_BYTES)
        seen = synthesise(folders, spec)
        if seen.result is None:
            # Before anything is written: they may have filled the disk.
            erase_traces(folders)
        write_end(folders.work / END, seen)
    except MemoryError:
        write_end(folders.work / END, failed(SynthesisFailure.RESOURCES, _memory_message(spec)))


_NOT_INSTALLED = (
    "This server has no packages that make synthetic data. Its operator must install the extra "
    "(pip install 'whiteroom[synthetic]'); then create the channel again."
)


if __name__ == "__main__":
    main()
