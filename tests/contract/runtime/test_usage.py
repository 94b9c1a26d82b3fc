"""What real runs take of the machine is sampled while they run, and kept beside their log."""

import dataclasses

from contract.runtime.conftest import LIMITS, MIB, Runs
from whiteroom.domain.observability.metrics import Usage

BUSY = (
    "import os, time\n"
    "held = b'x' * (64 << 20)\n"
    "open('/opt/ml/model/weights', 'wb').write(b'w' * (30 << 20))\n"
    "until = time.monotonic() + 1.2\n"
    "children = 0\n"
    "while time.monotonic() < until or children < 20:\n"
    "    if os.fork() == 0:\n"
    "        spent = time.process_time()\n"
    "        while time.process_time() - spent < 0.05: pass\n"
    "        os._exit(0)\n"
    "    os.wait()\n"
    "    children += 1\n"
)
"""Its children take a second of a processor at least, however busy the machine is."""


def whole(samples: list[Usage]) -> list[Usage]:
    return [one for one in samples if len(one.values) >= 3]


def test_cpu_memory_and_disk_of_every_instance_are_sampled(runs: Runs) -> None:
    limits = dataclasses.replace(LIMITS, volume_bytes=60 * MIB)
    run_id = runs.start(BUSY, instance_count=2, limits=limits)
    runs.until(lambda: len(list(runs.runtime.usage(run_id))) >= 2)
    assert runs.finish(run_id).exit_code == 0
    samples = list(runs.runtime.usage(run_id))
    assert {one.host for one in samples} == {"algo-1", "algo-2"}
    for host in ("algo-1", "algo-2"):
        own = [one.values for one in whole(samples) if one.host == host]
        assert len(own) >= 3, "the first ones come soon"
        assert max(values["CPUUtilization"] for values in own) > 0
        spent = [one.spent.cpu_seconds for one in samples if one.host == host and one.spent]
        assert sum(spent) > 0.5, "children that have ended count"
        assert max(values["MemoryUtilization"] for values in own) > 100 * 60 * MIB / limits.memory_bytes
        assert 49 < max(values["DiskUtilization"] for values in own) < 60
        assert all(0 <= value <= 100 for values in own for name, value in values.items() if name != "CPUUtilization")


def test_samples_are_read_from_any_place_and_go_with_the_log(runs: Runs) -> None:
    run_id = runs.start("import time\ntime.sleep(0.6)")
    runs.finish(run_id)
    samples = list(runs.reopen().usage(run_id))
    assert len(samples) >= 2
    assert list(runs.runtime.usage(run_id, 1)) == samples[1:]
    assert list(runs.runtime.usage(run_id, 100)) == []
    runs.runtime.forget(run_id)
    assert list(runs.runtime.usage(run_id)) == samples
    runs.runtime.forget_logs(run_id)
    assert list(runs.runtime.usage(run_id)) == []
    assert not list((runs.folder / "data" / "logs").iterdir())


def test_a_run_too_short_to_be_looked_at_has_a_sample(runs: Runs) -> None:
    run_id = runs.start("pass")
    runs.finish(run_id)
    assert any("DiskUtilization" in one.values for one in runs.runtime.usage(run_id))
