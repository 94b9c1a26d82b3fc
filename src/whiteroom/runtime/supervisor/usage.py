"""What an instance takes of the machine while it runs: samples, as JSON lines in a file beside the run's log.

`Sampler` is the watch's, `path_of` and `sample` are the server's too. Percent under SageMaker's names. The first
sample is taken at the watch's first look and each of the next after twice as long, up to the interval, so that short
runs have some. Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH208
from __future__ import annotations

import os
import select
import signal
import time

from whiteroom.runtime.supervisor.records import now_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from whiteroom.runtime.supervisor.cgroups import Groups

SAMPLE_SECONDS = 5.0
_FIRST_SECONDS = 0.1
_SLOWEST_GPU_SECONDS = 10.0
_MAX_GPU_FAILURES = 3
_MOST_GPU_BYTES = 1 << 16
"""Of an answer: a line of every GPU is far less."""
_GPU_DEATH_MS = 1000
_TICKS = os.sysconf("SC_CLK_TCK")
_SUFFIX = ".jsonl"
_SPENT = ("seconds", "cpuSeconds", "byteSeconds")
_GPU_FACTS = "/proc/driver/nvidia/gpus"
_GPU_PLACES = ("/usr/local/nvidia/bin", "/usr/local/bin", "/usr/bin", "/bin", "/usr/lib/wsl/lib")


def path_of(log_file: str) -> str:
    """Where the samples of the run with that log are."""
    return f"{log_file.removesuffix(_SUFFIX)}.usage{_SUFFIX}"


def sample(line: dict[str, object]) -> tuple[int, str, dict[str, float]]:
    """Time, host and values in one line of the file; without values where it is damaged."""
    at_ms, host = line.get("at_ms"), line.get("host")
    if not isinstance(at_ms, int) or not isinstance(host, str):
        return 0, "", {}
    values = {name: value for name, value in line.items() if name.endswith("Utilization")}
    return at_ms, host, {name: float(value) for name, value in values.items() if isinstance(value, int | float)}


def spent(line: dict[str, object]) -> tuple[float, float, float]:
    """Seconds, CPU-seconds and byte-seconds since the sample before, in one line of the file."""
    found = (line.get(name, 0.0) for name in _SPENT)
    seconds, cpu, memory = (float(one) if isinstance(one, int | float) else 0.0 for one in found)
    return seconds, cpu, memory


class Sampler:
    """Takes and writes the samples of one instance."""

    def __init__(
        self,
        log_file: str,
        host: str,
        groups: Groups,
        *,
        memory_bytes: int,
        volume_bytes: int,
        gpus: tuple[int, ...] = (),
    ) -> None:
        """Begin now.

        Args:
            log_file: the run's log.
            host: whose use is sampled.
            groups: its control groups.
            memory_bytes: what it may take of the machine.
            volume_bytes: what it may write.
            gpus: the numbers of its GPUs, as in /dev/nvidiaN.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(path_of(log_file), flags, 0o600)
        self._host = host
        self._groups = groups
        self._memory_bytes, self._volume_bytes = memory_bytes, volume_bytes
        self._gpus = GpuQuery(gpu_names(gpus)) if gpus else None
        self._pause = _FIRST_SECONDS
        self._seen = (time.monotonic(), group_cpu_seconds(groups) or 0.0)
        self._held = 0
        self._next = self._seen[0]
        self.has_taken = False

    def is_due(self) -> bool:
        """Whether the next sample is to be taken."""
        return time.monotonic() >= self._next

    def take(self, pids: list[int], memory_bytes: int | None, disk_bytes: int) -> None:
        """Write a sample.

        Args:
            pids: the instance's processes; none are left where it ended before it could be looked at.
            memory_bytes: what they hold, where it was measured; None asks the control group.
            disk_bytes: what they have written.
        """
        values: dict[str, float] = {}
        before, used = self._seen
        group, now = group_cpu_seconds(self._groups), time.monotonic()
        cpu = cpu_seconds(pids) if group is None else group
        if now > before and (pids or group is not None):
            # What a process used that nobody waited for is lost to the count when it is gone.
            values["CPUUtilization"] = 100 * max(0.0, cpu - used) / (now - before)
        self._seen = now, cpu
        held = group_memory_bytes(self._groups) if memory_bytes is None else memory_bytes
        if pids and held is not None and self._memory_bytes:
            values["MemoryUtilization"] = 100 * held / self._memory_bytes
        self._held = held or self._held
        taken = (now - before, max(0.0, cpu - used), self._held * (now - before))
        if self._volume_bytes:
            values["DiskUtilization"] = 100 * disk_bytes / self._volume_bytes
        self._write(now_ms(), values, taken)
        self.has_taken = True
        self._next = now + self._pause
        self._pause = min(2 * self._pause, SAMPLE_SECONDS)
        if self._gpus:
            self._gpus.start()

    def look(self) -> None:
        """Write what the GPUs have answered meanwhile. Never waits."""
        if self._gpus:
            answered = self._gpus.answer()
            if answered:
                self._write(*answered)

    @property
    def leaves_behind(self) -> bool:
        """Whether a process of its own cannot be waited for: one that asked about GPUs, and does not die."""
        return self._gpus is not None and self._gpus.is_stuck

    def settle(self) -> None:
        """Write what was taken since the last sample, for the account: an instance has ended.

        Its processor time is what the control group still shows; without one it ends with the last sample.
        """
        before, used = self._seen
        now, cpu = time.monotonic(), group_cpu_seconds(self._groups)
        cpu = used if cpu is None else cpu
        self._write(now_ms(), {}, (now - before, max(0.0, cpu - used), self._held * (now - before)))
        self._seen = now, cpu

    def close(self) -> None:
        """Take no more."""
        if self._gpus:
            self._gpus.close()
        os.close(self._file)

    def _write(self, at_ms: int, values: dict[str, float], taken: tuple[float, ...] = ()) -> None:
        host = self._host.replace("\\", "").replace('"', "")
        written = "".join(f',"{name}":{value:.4g}' for name, value in values.items())
        written += "".join(f',"{name}":{value:.6f}' for name, value in zip(_SPENT, taken, strict=False))
        try:
            os.write(self._file, f'{{"at_ms":{at_ms},"host":"{host}"{written}}}\n'.encode())
        except OSError:
            # A full disk must not end the watch.
            return


def group_cpu_seconds(groups: Groups) -> float | None:
    """CPU time of all that ever was in the control group; None where it does not count it."""
    folder = groups.folders.get("cpu")
    if folder is None:
        return None
    try:
        if "cpu" in groups.unified:
            return _counter(f"{folder}/cpu.stat", "usage_usec") / 1e6
        return int(_read(f"{folder}/cpuacct.usage")) / 1e9
    except (OSError, ValueError):
        return None


def group_memory_bytes(groups: Groups) -> int | None:
    """What the control group holds and the kernel cannot simply take back; None where it does not count it."""
    folder = groups.folders.get("memory")
    if folder is None:
        return None
    unified = "memory" in groups.unified
    try:
        held = int(_read(f"{folder}/{'memory.current' if unified else 'memory.usage_in_bytes'}"))
        cached = _counter(f"{folder}/memory.stat", "inactive_file" if unified else "total_inactive_file")
    except (OSError, ValueError):
        return None
    return max(0, held - cached)


def cpu_seconds(pids: list[int]) -> float:
    """CPU time of these processes, and of those of their children that they have waited for."""
    ticks = 0
    for pid in pids:
        try:
            text = _read(f"/proc/{pid}/stat")
        except OSError:
            continue
        # The name in parentheses is the program's to choose, parentheses and spaces included.
        fields = text.rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS


class GpuQuery:
    """Asks nvidia-smi about an instance's GPUs without waiting for it; where it fails, nothing is said of them."""

    def __init__(self, gpus: frozenset[str], places: tuple[str, ...] = _GPU_PLACES) -> None:
        """Ask about these, by index or UUID."""
        self._gpus = gpus
        found = [f"{place}/nvidia-smi" for place in places if os.access(f"{place}/nvidia-smi", os.X_OK)]
        self._program = found[0] if found else None
        self._failures = 0
        self._process = self._output = -1
        self._pid = 0
        self._asked_at_ms = 0
        self._until = 0.0
        self._text = b""
        self.is_stuck = False
        """Whether one of them is still there after a SIGKILL, as the driver can hold it."""

    def start(self) -> None:
        """Ask, unless the last question is still open, or it has failed too often."""
        if self._program is None or self._output >= 0 or self._failures >= _MAX_GPU_FAILURES:
            return
        query = "--query-gpu=index,uuid,utilization.gpu,memory.used,memory.total"
        self._output, end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._output, False)  # our end alone: a program does not expect it of its output
        try:
            self._pid = os.posix_spawn(
                self._program,
                [self._program, query, "--format=csv,noheader,nounits"],
                {"PATH": os.defpath, "LC_ALL": "C"},
                setpgroup=0,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, end, 1),
                    (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
                ],
            )
            self._process = os.pidfd_open(self._pid)
        except OSError:
            self._failures += 1
            self._stop()
            return
        finally:
            os.close(end)
        self._text = b""
        self._asked_at_ms = now_ms()
        self._until = time.monotonic() + _SLOWEST_GPU_SECONDS

    def answer(self) -> tuple[int, dict[str, float]] | None:
        """What was answered since it was asked, with the time of the question; None as long as it was not."""
        if self._output < 0:
            return None
        try:
            while part := os.read(self._output, _MOST_GPU_BYTES):
                self._text += part
                if len(self._text) >= _MOST_GPU_BYTES:
                    self._failures += 1
                    self._stop()
                    return None
        except BlockingIOError:
            if time.monotonic() > self._until:
                self._failures += 1
                self._stop()
            return None
        self._stop()
        values = gpu_values(self._text.decode(errors="replace"), self._gpus)
        self._failures = 0 if values else self._failures + 1
        return (self._asked_at_ms, values) if values else None

    def close(self) -> None:
        """Ask no more."""
        self._stop()
        self._program = None

    def _stop(self) -> None:
        if self._process >= 0:
            poller = select.poll()
            poller.register(self._process, select.POLLIN)
            try:
                # The supervisor may have waited for it already, among the processes of the run: then the id is no
                # longer its own, nor that of the group of what it has started.
                os.waitid(os.P_PIDFD, self._process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                os.killpg(self._pid, signal.SIGKILL)
                self.is_stuck = not poller.poll(_GPU_DEATH_MS) or self.is_stuck
                os.waitid(os.P_PIDFD, self._process, os.WEXITED | os.WNOHANG)
            except (ProcessLookupError, ChildProcessError):
                pass
            os.close(self._process)
        if self._output >= 0:
            os.close(self._output)
        self._process = self._output = -1


def gpu_numbers(devices: Iterable[str]) -> tuple[int, ...]:
    """The N of every /dev/nvidiaN among device nodes."""
    names = (device.removeprefix("/dev/nvidia") for device in devices)
    return tuple(sorted(int(name) for name in names if name.isdecimal()))


def gpu_names(numbers: tuple[int, ...], folder: str = _GPU_FACTS) -> frozenset[str]:
    """How nvidia-smi names these GPUs: by UUID, where the driver tells it; else by index, mostly the same number."""
    uuids: dict[int, str] = {}
    try:
        for name in os.listdir(folder):
            lines = (line.partition(":") for line in _read(f"{folder}/{name}/information").splitlines())
            facts = {key.strip(): value.strip() for key, _, value in lines}
            uuids[int(facts["Device Minor"])] = facts["GPU UUID"]
    except (OSError, KeyError, ValueError):
        uuids = {}
    return frozenset(uuids.get(number, str(number)) for number in numbers)


def gpu_values(text: str, gpus: frozenset[str]) -> dict[str, float]:
    """The two GPU metrics in nvidia-smi's answer, summed over these GPUs as SageMaker does it; none if it has none."""
    busy = held = 0.0
    found = False
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != 5 or not gpus & set(fields[:2]):
            continue
        try:
            utilization, used, total = map(float, fields[2:])
        except ValueError:
            # "[N/A]", as a GPU that is shared out in parts (MIG) answers.
            continue
        found = True
        busy += utilization
        held += 100 * used / total if total else 0.0
    return {"GPUUtilization": busy, "GPUMemoryUtilization": held} if found else {}


def _counter(path: str, name: str) -> int:
    for line in _read(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    raise ValueError(name)


def _read(path: str) -> str:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, 1 << 16).decode(errors="replace")
    finally:
        os.close(handle)
