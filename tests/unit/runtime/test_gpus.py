from __future__ import annotations

from pathlib import Path

from whiteroom.runtime.gpus import gpus


def test_every_gpu_has_a_device_node_with_its_number_and_nothing_else_counts(tmp_path: Path) -> None:
    for name in ("nvidia10", "nvidia0", "nvidia2", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "xnvidia1", "null"):
        (tmp_path / name).symlink_to("/dev/null")
    (tmp_path / "nvidia3").write_text("no device")
    (tmp_path / "nvidia-caps").mkdir()
    assert [path.name for path in gpus(tmp_path)] == ["nvidia0", "nvidia2", "nvidia10"]


def test_a_machine_without_nvidias_driver_has_none(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to("/dev/null")
    assert gpus(tmp_path) == ()
