from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whiteroom.domain.runs import ChannelMount, Limits, RunId, TrainingRun
from whiteroom.runtime.docker import plan as docker_plan
from whiteroom.runtime.docker.engine import EngineImage, canonical, may_pull, repository
from whiteroom.runtime.docker.output import Frames
from whiteroom.runtime.docker.plan import ContainerSpec, Unsealable

IMAGE = EngineImage("sha256:" + "a" * 64, ("main",), {"PATH": "/opt/bin", "LD_PRELOAD": "/x.so"}, (), "amd64")
SPEC = ContainerSpec(
    run_id="run-1", folder_label="f", socket="/s", oci_runtime="", image_name="churn:1", image_digest=IMAGE.id,
    may_pull=False, command=("train",), follows_entrypoint=True, environment={"A": "member's"},
    defaults={"HOME": "/tmp"}, mounts=(("/host/model", "/opt/ml/model", True), ("/host/in", "/opt/ml/input", False)),
    transform=None,
        notes=(),
        checkpoints="", uid_folder="/u", first_uid=200_000, cpus=2, memory_bytes=1 << 30, shared_memory_bytes=1 << 29,
    volume_bytes=1 << 31, processes=64, ulimits={"core": 0}, max_runtime_seconds=60, stop_grace_seconds=1,
    log_file="/l", log_limit_bytes=1, log_line_characters=1,
)  # fmt: skip
RUN = TrainingRun(
    id=RunId("run-1"), job_name="churn", job_arn="arn", image_uri="churn:1", image_digest=IMAGE.id, entrypoint=(),
    arguments=("--x",), hyperparameters={}, environment={"PATH": "/member/bin"},
    channels=(ChannelMount("train", Path("/data/c")),), instance_type="ml.m5.large", instance_count=1,
    region="us-east-1", file_format="csv", limits=Limits(1, 1, 1, 1, 1), stop_grace_seconds=1,
)  # fmt: skip


def document(spec: ContainerSpec = SPEC, image: EngineImage = IMAGE, **changes: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"user": "7:7", "has_shell": True, "network": None, "host_users": False}
    return docker_plan.document(spec, image, **{**asked, **changes})


def test_a_spec_that_is_written_reads_the_same() -> None:
    assert docker_plan.load(SPEC.dump()) == SPEC


def test_a_container_is_sealed_limited_and_started_by_its_images_id() -> None:
    asked = document()
    host = asked["HostConfig"]
    assert (asked["Image"], asked["User"]) == (IMAGE.id, "7:7")
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (
        1 << 30,
        1 << 30,
        2 * 10**9,
        64,
    )
    assert [(mount["Target"], mount["ReadOnly"]) for mount in host["Mounts"]] == [
        ("/opt/ml/model", False),
        ("/opt/ml/input", True),
    ]
    assert not {"Devices", "Binds", "Runtime", "UsernsMode"} & host.keys()


def test_the_operators_choice_of_runtime_reaches_the_engine() -> None:
    assert document(replace(SPEC, oci_runtime="runsc"))["HostConfig"]["Runtime"] == "runsc"


def test_a_network_of_the_runs_own_asks_no_name_server_of_this_machine() -> None:
    host = document(network="own")["HostConfig"]
    assert (host["NetworkMode"], host["Dns"]) == ("own", ["192.0.2.1"])


def test_the_shell_is_told_every_variable_and_the_engine_none() -> None:
    asked = document()
    assert asked["Entrypoint"][4:] == [
        "A=member's", "HOME=/tmp", "LD_PRELOAD=/x.so", "PATH=/opt/bin", "--", "main", "train",
    ]  # fmt: skip
    assert "LD_PRELOAD=" in asked["Env"]
    assert not any("x.so" in entry or "member" in entry for entry in asked["Env"])


@pytest.mark.parametrize("name", ["LD_PRELOAD", "LD_AUDIT", "NVIDIA_VISIBLE_DEVICES", "GCONV_PATH", "GLIBC_TUNABLES"])
def test_without_a_shell_what_a_hook_would_obey_is_refused_whoever_says_it(name: str) -> None:
    plain = replace(IMAGE, environment={})
    assert document(image=plain, has_shell=False)["Entrypoint"] == ["main", "train"]
    with pytest.raises(Unsealable, match=name):
        document(image=replace(plain, environment={name: "x"}), has_shell=False)
    with pytest.raises(Unsealable, match=name):
        document(replace(SPEC, environment={name: "x"}), plain, has_shell=False)


def test_a_variable_that_no_shell_can_set_is_left_out() -> None:
    asked = document(image=replace(IMAGE, environment={"a.b": "x", "x; rm": "y"}))
    assert not any(part.startswith(("a.b", "x; rm")) for part in asked["Entrypoint"])


def test_the_images_path_stays_unless_the_member_sets_it() -> None:
    told = docker_plan.told(replace(RUN, environment={}))
    assert not {"PATH", "VIRTUAL_ENV", "HOME"} & told.environment.keys()
    assert told.defaults["HOME"] == "/tmp"
    assert docker_plan.told(RUN).environment["PATH"] == "/member/bin"


def test_only_input_model_output_and_temporary_folders_are_mounted() -> None:
    targets = {target: writable for _, target, writable in docker_plan.mounts(RUN, "/runs/run-1")}
    assert targets == {
        "/opt/ml/input": False, "/opt/ml/input/data/train": False, "/opt/ml/model": True, "/opt/ml/output": True,
        "/opt/ml/output/data": True, "/tmp": True, "/var/tmp": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "whole"),
    [
        ("python", "docker.io/library/python"),
        ("python:3.12", "docker.io/library/python"),
        ("team/churn@sha256:" + "a" * 64, "docker.io/team/churn"),
        ("localhost:5000/churn:1", "localhost:5000/churn"),
        ("111.dkr.ecr.us-east-1.amazonaws.com/a/b:c", "111.dkr.ecr.us-east-1.amazonaws.com/a/b"),
    ],
)
def test_a_reference_names_a_repository_of_a_registry(reference: str, whole: str) -> None:
    assert canonical(reference) == whole


def test_a_repositorys_tag_and_digest_are_cut_off_and_its_port_is_not() -> None:
    assert repository("localhost:5000/churn:1@sha256:abc") == "localhost:5000/churn"


@pytest.mark.parametrize(
    ("reference", "allowed", "may"),
    [
        ("r.example/team/churn:1", ("r.example",), True),
        ("r.example/team/churn:1", ("r.example/team/",), True),
        ("r.example/team/churn:1", ("r.example/team/churn",), True),
        ("r.example.evil/team/churn", ("r.example",), False),
        ("r.example/teams/churn", ("r.example/team",), False),
        ("python", ("r.example",), False),
        ("python", ("docker.io/library",), True),
        ("python", (), False),
        ("python", ("",), False),
    ],
)
def test_a_place_to_pull_from_counts_by_whole_parts(reference: str, allowed: tuple[str, ...], may: bool) -> None:
    assert may_pull(reference, allowed) is may


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20)), max_size=8), st.integers(1, 13))
def test_frames_come_out_whole_however_they_are_cut(written: list[tuple[int, bytes]], step: int) -> None:
    wire = b"".join(bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data for stream, data in written)
    frames = Frames()
    seen = {"stdout": b"", "stderr": b""}
    for start in range(0, len(wire), step):
        for stream, piece in frames.feed(wire[start : start + step]):
            seen[stream] += piece
    assert seen["stdout"] == b"".join(data for stream, data in written if stream == 1)
    assert seen["stderr"] == b"".join(data for stream, data in written if stream == 2)
