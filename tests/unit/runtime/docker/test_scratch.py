import os
from pathlib import Path

import pytest

from whiteroom.runtime.docker import scratch

BEFORE = b"70 48 0:38 / /proc rw - proc proc rw\n"
ROOT = b"72 48 0:39 / / rw,relatime master:2 - "


@pytest.mark.parametrize(
    ("mounts", "folder"),
    [
        (ROOT + b"overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/data/diff,workdir=/data/work\n", "/data/diff"),
        (ROOT + b"overlay overlay rw,upperdir=/a\\040b\\054c\\134\xc3\xa9,workdir=/w\n", "/a b,c\\é"),
        (ROOT + b"overlay overlay ro,lowerdir=/l/A:/l/B\n", None),
        (ROOT + b"ext4 /dev/vda rw,upperdir=/data/diff\n", None),
        (ROOT + b"fuse.fuse-overlayfs fuse-overlayfs rw,user_id=0\n", None),
        (b"73 48 0:40 / /mnt rw - overlay overlay rw,upperdir=/data/diff\n", None),
        (b"", None),
    ],
)
def test_the_folder_that_takes_what_is_written_to_an_overlay_is_read_from_its_mount(
    mounts: bytes, folder: str | None
) -> None:
    assert scratch.upper_folder(BEFORE + mounts) == folder


def test_a_process_that_is_not_in_the_container_has_no_layer(tmp_path: Path) -> None:
    """Such as this one, whose root is the machine's, and a process of a virtual machine's."""
    (tmp_path / "input").mkdir()
    (tmp_path / "other").mkdir()
    for target in ("other", "nothing"):
        assert scratch.layer_of(os.getpid(), [(f"{tmp_path}/input", f"{tmp_path}/{target}", False)]) is None
    assert scratch.layer_of(2**22 + 1, [(f"{tmp_path}/input", f"{tmp_path}/input", False)]) is None


def test_what_an_engine_mounts_besides_and_can_be_written_to_is_found() -> None:
    """Files of its own, on a disk or in memory of this machine's, and folders, which nobody could watch."""
    mounts = (
        BEFORE
        + ROOT
        + b"""overlay overlay rw,upperdir=/u
80 72 0:50 / /run rw,nosuid - tmpfs tmpfs rw
81 72 0:51 / /dev/pts rw - devpts devpts rw
82 72 0:6 /null /proc/keys rw - devtmpfs devtmpfs rw
83 72 254:0 /c/hosts /etc/hosts rw,relatime - ext4 /dev/vda rw
84 72 0:60 /c/hostname /etc/host\\040name rw - tmpfs tmpfs rw
85 72 254:0 /c/resolv.conf /etc/resolv.conf ro - ext4 /dev/vda rw
86 72 254:0 /runs/model /opt/ml/model rw - ext4 /dev/vda rw
87 72 254:0 /c/secrets /run/secrets rw - ext4 /dev/vda rw
"""
    )
    assert scratch.others(mounts, {"/opt/ml/model"}) == ["/etc/hosts", "/etc/host name", "/run/secrets"]
