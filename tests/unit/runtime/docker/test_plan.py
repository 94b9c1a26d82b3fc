import json
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import ChannelMount, Limits, RunId, TrainingRun
from whiteroom.runtime.docker import networks
from whiteroom.runtime.docker import plan as docker_plan
from whiteroom.runtime.docker.engine import EngineFacts, EngineImage, canonical, may_pull, repository
from whiteroom.runtime.docker.output import Frames
from whiteroom.runtime.docker.plan import Unsealable
from whiteroom.runtime.docker.spec import NO_NETWORK, ContainerInstance, ContainerSpec, changed, dump, load

IMAGE = EngineImage("sha256:" + "a" * 64, ("main",), {"PATH": "/opt/bin", "LD_PRELOAD": "/x.so"}, (), "/", "amd64")
FACTS = EngineFacts("Docker", "28.2.2", "amd64", rootless=False, remaps_users=False, runtimes=("runc", "runsc"),
                    storage="vfs", api_version="1.48", has_cdi=True)  # fmt: skip
INSTANCE = ContainerInstance(
    host="algo-1", command=("train",), environment={"A": "member's"}, defaults={"HOME": "/tmp"}, document=None,
    mounts=(("/host/model", "/opt/ml/model", True), ("/host/in", "/opt/ml/input", False)),
)  # fmt: skip
SPEC = ContainerSpec(
    run_id="run-1", folder_label="f", socket="/s", api_version="", rootless=False, packages=(), oci_runtime="",
    image_name="churn:1", image_digest=IMAGE.id, may_pull=False, follows_entrypoint=True, instances=(INSTANCE,),
    network=NO_NETWORK, subnets=("198.18.0.16",), bridge="wr0123456789ab", is_held=False, transform=None, pipes=(),
    notes=(), checkpoints="", in_memory=False, uid_folder="/u", first_uid=200_000, gpus=0, cpus=2, memory_bytes=1 << 30,
    shared_memory_bytes=1 << 29, volume_bytes=1 << 31, processes=64, profile="/run/seccomp.json",
    ulimits={"core": 0}, max_runtime_seconds=60,
    stop_grace_seconds=1, log_file="/l", log_limit_bytes=1, log_line_characters=1, scratch=(), sandboxed=False,
)  # fmt: skip
TRANSFORM = {"archive": "/a"}
RUN = TrainingRun(
    id=RunId("run-1"), job_name="churn", job_arn="arn", image_uri="churn:1", image_digest=IMAGE.id, entrypoint=(),
    arguments=("--x",), hyperparameters={}, environment={"PATH": "/member/bin"},
    channels=(ChannelMount("train", DataRef(DataKind.CHANNEL, "c")),), instance_type="ml.m5.large", instance_count=1,
    region="us-east-1", file_format="csv", limits=Limits(1, 1, 1, 1, 1), stop_grace_seconds=1,
)  # fmt: skip


def with_environment(environment: dict[str, str]) -> ContainerSpec:
    return changed(SPEC, instances=(ContainerInstance(**{**INSTANCE.plain(), "environment": environment}),))


def of_two(spec: ContainerSpec = SPEC) -> ContainerSpec:
    second = ContainerInstance(**{**INSTANCE.plain(), "host": "algo-2"})
    return changed(spec, instances=(INSTANCE, second))


def documents(spec: ContainerSpec = SPEC, image: EngineImage = IMAGE, **changes: Any) -> list[dict[str, Any]]:
    found = docker_plan.prepared(spec, replace(FACTS, **changes), image)
    return [json.loads(member.document) for member in found.instances if member.document is not None]


def document(
    spec: ContainerSpec = SPEC, image: EngineImage = IMAGE, *, has_shell: bool = True, **changes: Any
) -> dict[str, Any]:
    found = docker_plan.prepared(spec, replace(FACTS, **changes), image, has_shell=has_shell).instances[0].document
    assert found is not None
    answer: dict[str, Any] = json.loads(found)
    return answer


def test_a_spec_that_is_written_reads_the_same() -> None:
    for spec in (SPEC, docker_plan.prepared(of_two(), FACTS, IMAGE)):
        read = load(dump(spec))
        assert [member.plain() for member in read.instances] == [member.plain() for member in spec.instances]
        assert changed(read, instances=()).plain() == changed(spec, instances=()).plain()


def test_a_container_is_sealed_limited_and_started_by_its_images_id() -> None:
    asked = document()
    host = asked["HostConfig"]
    assert asked["Image"] == IMAGE.id
    assert "User" not in asked
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    privileges, profile = host["SecurityOpt"]
    assert privileges == "no-new-privileges"
    assert json.loads(profile.removeprefix("seccomp="))["architectures"] == ["SCMP_ARCH_X86_64"]
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
    assert document(changed(SPEC, oci_runtime="runsc"))["HostConfig"]["Runtime"] == "runsc"


def test_one_instance_has_no_network_and_several_share_one_of_their_own() -> None:
    assert document()["HostConfig"]["NetworkMode"] == "none"
    assert [asked["HostConfig"]["NetworkMode"] for asked in documents(of_two())] == ["whiteroom-f-run-1"] * 2
    assert [asked["Hostname"] for asked in documents(of_two())] == ["algo-1", "algo-2"]


def test_no_resolver_of_an_engine_asks_anybody_outside_a_container() -> None:
    assert {tuple(asked["HostConfig"]["Dns"]) for asked in documents(of_two())} == {("127.0.0.1",)}


def test_model_servers_never_share_a_network() -> None:
    spec = changed(of_two(), transform=TRANSFORM, oci_runtime="runsc")
    assert [asked["HostConfig"]["NetworkMode"] for asked in documents(spec)] == [
        "whiteroom-f-run-1.algo-1", "whiteroom-f-run-1.algo-2",
    ]  # fmt: skip


def test_a_private_network_has_no_address_of_this_machine_and_leads_nowhere() -> None:
    asked = networks.private("n", {"a": "b"}, "wr1", "198.18.0.16")
    assert (asked["Internal"], asked["Labels"]) == (True, {"a": "b"})
    assert asked["Options"]["com.docker.network.bridge.inhibit_ipv4"] == "true"
    assert asked["IPAM"]["Config"] == [{"Subnet": "198.18.0.16/28"}]
    assert networks.addresses("198.18.0.16", ["algo-1", "algo-2"]) == {"algo-1": "198.18.0.18", "algo-2": "198.18.0.19"}


def test_subnets_lie_where_no_machine_has_one_and_each_begins_on_its_own() -> None:
    for first in docker_plan.subnets():
        assert IPv4Network(f"{first}/28").subnet_of(IPv4Network("198.18.0.0/15"))


def test_programs_of_several_instances_wait_for_each_other() -> None:
    (alone,) = documents()
    together = documents(changed(of_two(), is_held=True))
    assert "read" not in alone["Entrypoint"][2]
    assert not alone["OpenStdin"]
    assert all(asked["Entrypoint"][2].startswith("read") and asked["OpenStdin"] for asked in together)


@pytest.mark.parametrize(
    ("working_directory", "places"),
    [
        ("/", ["/opt/ml/code"]),
        ("/opt/ml/code", ["/opt/ml/code"]),
        ("/usr/src/app/", ["/opt/ml/code", "/usr/src/app"]),
        ("/usr", ["/opt/ml/code"]),
        ("/etc/mine", ["/opt/ml/code"]),
        ("/usr/../etc/mine", ["/opt/ml/code"]),
    ],
)
def test_a_root_that_can_be_watched_is_written_to_with_the_working_directory_and_no_whole_part_of_the_system(
    working_directory: str, places: list[str]
) -> None:
    image = replace(IMAGE, working_directory=working_directory)
    found = docker_plan.prepared(SPEC, replace(FACTS, storage="overlay2", rootless=True), image)
    assert list(found.scratch) == places
    asked = json.loads(found.instances[0].document or "")
    assert asked["HostConfig"]["ReadonlyRootfs"] is False
    # It is made so before the program runs.
    assert asked["Entrypoint"][2].startswith("read")
    assert asked["OpenStdin"]


@pytest.mark.parametrize(
    ("storage", "spec", "told"),
    [
        ("vfs", SPEC, {}),
        ("overlayfs", changed(SPEC, oci_runtime="runsc"), {}),
        ("overlayfs", SPEC, {"has_shell": False}),
        ("overlayfs", SPEC, {"has_scratch": False}),
    ],
)
def test_a_root_that_cannot_be_watched_is_read_only(storage: str, spec: ContainerSpec, told: dict[str, bool]) -> None:
    known = replace(FACTS, storage=storage, rootless=True)
    found = docker_plan.prepared(spec, known, replace(IMAGE, environment={}), **told)
    assert found.scratch == ()
    assert not found.is_held
    assert json.loads(found.instances[0].document or "")["HostConfig"]["ReadonlyRootfs"] is True


def test_gpus_are_had_without_nvidias_hook_or_not_at_all() -> None:
    assert docker_plan.refusal("", 1, FACTS) is None
    assert docker_plan.refusal("", 0, replace(FACTS, has_cdi=False)) is None
    refused = docker_plan.refusal("", 1, replace(FACTS, has_cdi=False, version="20.10.24"))
    assert refused is not None
    assert "CDI" in refused
    assert "Docker 20.10.24" in refused


def test_an_image_for_another_machine_is_refused_by_both_names() -> None:
    with pytest.raises(Unsealable, match=r"aarch64.*x86_64"):
        document(image=replace(IMAGE, machine="arm64"))


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
        document(with_environment({name: "x"}), plain, has_shell=False)


def test_a_variable_that_no_shell_can_set_is_left_out() -> None:
    asked = document(image=replace(IMAGE, environment={"a.b": "x", "x; rm": "y"}))
    assert not any(part.startswith(("a.b", "x; rm")) for part in asked["Entrypoint"])


def test_the_images_path_stays_unless_the_member_sets_it() -> None:
    told = docker_plan.container_settings(replace(RUN, environment={}), "algo-1")
    assert not {"PATH", "VIRTUAL_ENV", "HOME"} & told.environment.keys()
    assert told.defaults["HOME"] == "/tmp"
    assert docker_plan.container_settings(RUN, "algo-1").environment["PATH"] == "/member/bin"


def test_only_input_model_output_and_temporary_folders_are_mounted() -> None:
    targets = {target: writable for _, target, writable in docker_plan.own_mounts(RUN, Path("/runs/r"), "algo-1")}
    assert targets == {
        "/opt/ml/input": False, "/opt/ml/model": True, "/opt/ml/output": True, "/opt/ml/output/data": True,
        "/tmp": True, "/var/tmp": True, "/etc/resolv.conf": False,
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


def test_podman_reads_its_profile_from_a_file_and_an_unknown_machine_keeps_its_default() -> None:
    assert document(name="Podman")["HostConfig"]["SecurityOpt"][1] == "seccomp=/run/seccomp.json"
    plain = replace(IMAGE, machine="")
    assert document(image=plain, machine="riscv64")["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
