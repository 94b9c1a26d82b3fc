"""The port's contract on a real container engine, and what hostile programs and images try there."""

import hashlib
import io
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker.api.client import APIClient

from contract.runtime import engine as engines
from contract.runtime.conftest import DockerRuns
from contract.runtime.programs import SLEEP
from contract.runtime.registry import registry
from contract.runtime.test_ordinary_user import as_ordinary_user
from whiteroom.base.trees import remove_tree
from whiteroom.domain.execution.runs import EndReason, Phase, RunId
from whiteroom.ports.runtime import ImageNotFound
from whiteroom.runtime.docker.runtime import DockerRuntime
from whiteroom.runtime.runtimes import Runtimes
from whiteroom.runtime.sandbox.runtime import SandboxRuntime
from whiteroom.runtime.supervisor import meters


@pytest.fixture
def runs(docker_runs: DockerRuns) -> DockerRuns:
    return docker_runs


def answer_of(runs: DockerRuns, program: str, **changes: object) -> Any:
    run_id = runs.start("import json, os\n" + program + "\nprint(json.dumps(answer))", **changes)
    end = runs.finish(run_id)
    assert end.exit_code == 0, (end, runs.text(run_id, "stderr"))
    return json.loads(runs.text(run_id))


def test_a_program_holds_no_capability_and_no_root_and_sees_no_network_but_its_own_loopback(runs: DockerRuns) -> None:
    answer = answer_of(
        runs,
        "import socket\nstatus = open('/proc/self/status').read()\n"
        "answer = [os.getuid(), os.getgid(), os.getgroups(),\n"
        "  [l.split()[1] for l in status.splitlines() if l.startswith('Cap')], 'NoNewPrivs:\\t1' in status,\n"
        "  [open(f'/sys/class/net/{n}/flags').read().strip() for _, n in socket.if_nameindex() if n != 'lo'],\n"
        "  len(open('/proc/net/route').read().splitlines()), os.getpid()]",
    )
    uid, gid, groups, capabilities, no_new, others, routes, pid = answer
    assert uid == gid != 0
    assert set(groups) <= {gid}
    assert (capabilities, no_new, pid) == (["0000000000000000"] * 5, True, 1)
    # Tunnels that the kernel makes in every namespace lead nowhere: none is up.
    assert not any(int(flags, 16) & 1 for flags in others)
    assert routes == 1


UNWRITABLE = (
    "/usr/x /usr/lib/x /bin/x /sys/x /dev/x /etc/hosts /etc/hostname /etc/resolv.conf /volume/x "
    "/proc/sys/kernel/hostname /opt/ml/input/x /opt/ml/input/config/x /opt/ml/input/data/x "
    "/opt/ml/input/data/train/x /opt/ml/input/data/train/part-0.csv"
)


def test_nothing_else_can_be_written_and_a_volume_of_the_image_shows_what_is_in_it(runs: DockerRuns) -> None:
    program = (
        "#!/opt/venv/bin/python\nimport os\nprint(sorted(os.listdir('/volume')))\n"
        f"for path in {UNWRITABLE!r}.split():\n"
        "  try: open(path, 'w').write('x'); print(path)\n  except OSError: pass\n"
    )
    digest = runs.image({"train": program}, "COPY train /volume/kept", "VOLUME /volume")
    run = replace(runs.run_of("pass"), image_digest=digest)
    runs.runtime.start(run)
    assert runs.finish(run.id).exit_code == 0
    assert runs.text(run.id) == "['kept']"


def test_an_images_variables_reach_its_program_and_never_the_engine(runs: DockerRuns, api: APIClient) -> None:
    program = (
        "#!/opt/venv/bin/python\nimport json, os, time\n"
        "names = ('LD_LIBRARY_PATH', 'NVIDIA_DRIVER_CAPABILITIES', 'GREETING', 'SM_MODEL_DIR', 'HOME', 'MEMBERS')\n"
        "print(json.dumps([os.environ.get(name) for name in names]), flush=True)\ntime.sleep(3600)\n"
    )
    digest = runs.image(
        {"train": program},
        "ENV LD_LIBRARY_PATH=/opt/evil NVIDIA_DRIVER_CAPABILITIES=all GREETING='two words; $(id) \"' HOME=/opt/home",
    )
    run = replace(runs.run_of("pass"), image_digest=digest, environment={"LD_PRELOAD": "", "MEMBERS": "a=b"})
    runs.runtime.start(run)
    runs.until(lambda: bool(runs.text(run.id)))
    assert json.loads(runs.text(run.id)) == [
        "/opt/evil", "all", 'two words; $(id) "', "/opt/ml/model", "/opt/home", "a=b",
    ]  # fmt: skip
    (container,) = api.containers()
    shown = api.inspect_container(container["Id"])["Config"]["Env"]
    assert sorted(shown) == [
        "GREETING=", "HOME=", "LD_LIBRARY_PATH=", "NVIDIA_DRIVER_CAPABILITIES=", "NVIDIA_VISIBLE_DEVICES=void",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entrypoint", "arguments", "printed"),
    [
        ((), (), "['/opt/ml/code/main', 'fixed', 'train']"),
        ((), ("--epochs", "2"), "['/opt/ml/code/main', 'fixed', 'train', '--epochs', '2']"),
        (("python", "/opt/ml/code/main"), ("a b",), "['/opt/ml/code/main', 'a b']"),
    ],
)
def test_an_entrypoint_of_the_request_replaces_the_images_and_nothing_is_appended_to_it(
    runs: DockerRuns, entrypoint: tuple[str, ...], arguments: tuple[str, ...], printed: str
) -> None:
    program = "#!/opt/venv/bin/python\nimport sys\nprint(sys.argv)\n"
    digest = runs.image({"main": program}, 'ENTRYPOINT ["/opt/ml/code/main", "fixed"]', 'CMD ["never"]')
    run = replace(runs.run_of("pass"), image_digest=digest, entrypoint=entrypoint, arguments=arguments)
    runs.runtime.start(run)
    assert runs.finish(run.id).exit_code == 0
    assert runs.text(run.id) == printed


def test_an_image_without_a_shell_runs_unless_it_says_what_a_hook_would_obey(runs: DockerRuns) -> None:
    files = {"train": "#!/opt/venv/bin/python\nimport os\nprint(os.environ['GREETING'])\n"}
    bare = runs.image({"strip": "#!/opt/venv/bin/python\nimport os\nos.unlink('/bin/sh')\n", **files},
                     'RUN ["/opt/ml/code/strip"]', "ENV GREETING=hello")  # fmt: skip
    run = replace(runs.run_of("pass"), image_digest=bare)
    runs.runtime.start(run)
    assert runs.finish(run.id).exit_code == 0
    assert runs.text(run.id) == "hello"
    named = runs.built[-2]
    sly = engines.build(runs.socket, "whiteroom-tests-sly:1", {}, "ENV LD_PRELOAD=/proc/self/cwd/evil.so", base=named)
    runs.built.insert(0, "whiteroom-tests-sly:1")
    run = replace(runs.run_of("pass"), image_digest=sly)
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert end.reason is EndReason.IMAGE
    assert "LD_PRELOAD" in end.message


def test_an_image_for_another_machine_ends_the_run_with_the_reason(runs: DockerRuns, api: APIClient) -> None:
    name = "whiteroom-tests-foreign:1"
    api.load_image(foreign_image(name))
    runs.built.append(name)
    run = replace(runs.run_of("pass"), image_digest=api.inspect_image(name)["Id"])
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert end.reason is EndReason.IMAGE
    assert "s390x" in end.message


def foreign_image(name: str) -> bytes:
    layer = io.BytesIO()
    tarfile.open(fileobj=layer, mode="w").close()
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    root = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    config = {"architecture": "s390x", "os": "linux", "config": {}, "rootfs": root}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        files = {
            "layer.tar": layer.getvalue(),
            "config.json": json.dumps(config).encode(),
            "manifest.json": json.dumps(manifest).encode(),
        }
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return whole.getvalue()


def test_the_image_that_was_pinned_runs_whatever_its_name_means_later(runs: DockerRuns) -> None:
    pinned = runs.image({"train": "#!/opt/venv/bin/python\nprint('first')"}, name="whiteroom-tests-moving:1")
    assert runs.runtime.image_digest("whiteroom-tests-moving:1") == pinned
    other = runs.image({"train": "#!/opt/venv/bin/python\nprint('second')"}, name="whiteroom-tests-moving:1")
    runs.built.pop()
    runs.built.append(pinned)
    assert runs.runtime.image_digest("whiteroom-tests-moving:1") == other
    run = replace(runs.run_of("pass"), image_digest=pinned)
    runs.runtime.start(run)
    assert runs.finish(run.id).exit_code == 0
    assert runs.text(run.id) == "first"


def test_an_image_that_is_gone_or_was_never_here_ends_with_the_reason(runs: DockerRuns) -> None:
    run = replace(runs.run_of("pass"), image_digest="sha256:" + "0" * 64)
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert end.reason is EndReason.IMAGE
    assert "removed" in end.message
    with pytest.raises(ImageNotFound, match="docker_pull"):
        runs.runtime.image_digest("registry.invalid/nothing:1")
    allowed = DockerRuntime(runs.folder / "data", runs.data, socket=runs.socket, pull_from=("registry.invalid",))
    with pytest.raises(ImageNotFound, match=r"registry\.invalid"):
        allowed.image_digest("registry.invalid/nothing:1")


def test_an_image_is_pulled_by_the_digest_that_was_pinned_and_only_from_where_it_may_be(
    runs: DockerRuns, api: APIClient
) -> None:
    run = runs.run_of("pass")
    with registry("team/churn", "1", api.version()["Arch"]) as source:
        uri = f"{source.address}/team/churn:1"
        for place in ("", source.address[:-1], f"{source.address}/tea", "docker.io"):
            elsewhere = DockerRuntime(runs.folder / "data", runs.data, socket=runs.socket, pull_from=(place,))
            with pytest.raises(ImageNotFound, match="docker_pull"):
                elsewhere.image_digest(uri)
        assert not source.asked
        runs.runtime = DockerRuntime(
            runs.folder / "data", runs.data, socket=runs.socket, pull_from=(f"{source.address}/team/",)
        )
        assert runs.runtime.image_digest(uri) == source.digest
        with pytest.raises(ImageNotFound, match="nosuch"):
            runs.runtime.image_digest(f"{source.address}/team/nosuch:1")
        assert not any(source.layer in path for path in source.asked)
        run = replace(run, image_uri=uri, image_digest=source.digest, entrypoint=("/hello",))
        runs.runtime.start(run)
        end = runs.finish(run.id)
    pinned = f"{source.address}/team/churn@{source.digest}"
    runs.built.append(pinned)
    assert "pulled" in runs.text(run.id, "platform")
    assert f"/v2/team/churn/manifests/{source.digest}" in source.asked
    # It is there, and its one file is no program.
    assert api.inspect_image(pinned)
    assert end.reason is EndReason.IMAGE
    assert "could not be started" in end.message


def test_a_dead_supervisors_container_is_removed_and_the_run_is_lost(runs: DockerRuns, api: APIClient) -> None:
    run_id = runs.start(SLEEP)
    runs.until_logged(run_id, "up")
    (container,) = api.containers()
    first = api.inspect_container(container["Id"])["State"]["Pid"]
    os.kill(runs.supervisor_of(run_id), signal.SIGKILL)
    assert runs.finish(run_id, 10).reason is EndReason.LOST
    assert not meters.lives(first)
    assert not api.containers(all=True)


def test_what_a_crash_left_in_the_engine_is_swept_at_the_next_start(runs: DockerRuns, api: APIClient) -> None:
    run_id = runs.start(SLEEP)
    kept = runs.start(SLEEP)
    runs.until_logged(run_id, "up")
    runs.until_logged(kept, "up")
    os.kill(runs.supervisor_of(run_id), signal.SIGKILL)
    runs.until(lambda: not meters.lives(runs.supervisor_of(run_id)))
    remove_tree(runs.folder / "data/containers" / run_id)
    assert len(api.containers()) == 2
    other = runs.reopen()
    assert len(api.containers(all=True)) == 1
    assert other.observe(kept).phase is Phase.RUNNING


COUNTING = """
import sys, time
n = 0
while True:
    print(n, flush=True)
    n += 1
    time.sleep(0.002)
"""
SERVER_PROCESS = """
import pickle, sys
from pathlib import Path
from whiteroom.data.folder import FolderData
from whiteroom.runtime.docker.runtime import DockerRuntime
run = pickle.load(open(sys.argv[1], 'rb'))
DockerRuntime(Path(sys.argv[2]), FolderData(Path(sys.argv[2])), socket=sys.argv[3]).start(run)
print('started', flush=True)
sys.stdin.read()
"""


def test_the_log_has_no_hole_where_the_server_was_killed(runs: DockerRuns) -> None:
    run = runs.run_of(COUNTING)
    described = runs.folder / "run.pickle"
    described.write_bytes(pickle.dumps(run))
    command = [sys.executable, "-c", SERVER_PROCESS, str(described), str(runs.folder / "data"), runs.socket]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"started\n"
        runs.until(lambda: len(runs.text(run.id)) > 100)
        server.kill()
    seen = len(runs.text(run.id).splitlines())
    runs.until(lambda: len(runs.text(run.id).splitlines()) > seen + 100)
    assert runs.runtime.observe(run.id).phase is Phase.RUNNING
    runs.runtime.stop(run.id, 0)
    assert runs.finish(run.id).reason is EndReason.STOPPED
    numbers = [int(line) for line in runs.text(run.id).splitlines()]
    assert numbers == list(range(len(numbers)))


def test_nothing_of_roots_is_among_what_a_program_leaves(runs: DockerRuns) -> None:
    run_id = runs.start("import os\nos.makedirs('/opt/ml/model/a/b')\nopen('/opt/ml/model/a/b/c', 'w').close()")
    runs.finish(run_id)
    left = list(runs.left(run_id)[0][0].rglob("*"))
    assert len(left) == 3
    owners = {path.stat().st_uid for path in left}
    assert owners == {os.geteuid()} or min(owners) >= 200_000


def test_a_local_image_runs_in_the_sandbox_and_any_other_in_the_engine(runs: DockerRuns) -> None:
    both = Runtimes(SandboxRuntime(runs.folder / "data", runs.data), runs.docker)
    elsewhere = replace(runs.run_of("print('in the engine')"), image_uri=runs.built[-1])
    code = runs.folder / "local"
    code.mkdir()
    (code / "train").write_text("#!/opt/venv/bin/python\nprint('in the sandbox')\n")
    (code / "train").chmod(0o755)
    images = SandboxRuntime(runs.folder / "data", runs.data).images
    local = replace(elsewhere, id=RunId("local"), image_uri="local", image_digest=images.build("local", code).digest)
    assert both.image_digest("local") == local.image_digest
    assert both.image_digest(elsewhere.image_uri) == elsewhere.image_digest
    # A local image wins over the engine's of the same name.
    images.build(elsewhere.image_uri, code)
    assert both.image_digest(elsewhere.image_uri) == local.image_digest
    with pytest.raises(ImageNotFound, match=r"images build.*docker_pull"):
        both.image_digest("nosuch:1")
    for run in (elsewhere, local):
        both.start(run)
        both.start(run)
    assert list(both.runs()) == sorted([elsewhere.id, local.id])
    for run, text in ((elsewhere, "in the engine"), (local, "in the sandbox")):
        runs.until(lambda run=run: both.observe(run.id).phase is Phase.ENDED)  # type: ignore[misc]
        assert [line.text for line in both.logs(run.id)] == [text]
        assert Path(runs.data.path(both.output(run.id)[0].model)).is_dir()
        both.forget(run.id)
        assert both.observe(run.id).phase is Phase.ABSENT
    assert {finding.name for finding in both.report().findings} >= {"sandbox", "container engine"}


def test_a_machine_without_an_engine_says_so_and_is_none_the_worse(runs: DockerRuns) -> None:
    alone = DockerRuntime(runs.folder / "data", runs.data, socket=str(runs.folder / "nothing"))
    (finding,) = alone.report().findings
    assert finding.ok
    assert "only local images" in finding.detail
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(runs.folder / "dead"))
        (finding,) = DockerRuntime(runs.folder / "data", runs.data, socket=str(runs.folder / "dead")).report().findings
    assert not finding.ok
    (finding,) = (
        DockerRuntime(runs.folder / "data", runs.data, socket=runs.socket, oci_runtime="nosuch").report().findings
    )
    assert not finding.ok
    assert "runc" in finding.detail


def test_an_engine_that_is_gone_ends_a_new_run_with_the_reason(runs: DockerRuns) -> None:
    run = runs.run_of("pass")
    runs.runtime = DockerRuntime(runs.folder / "data", runs.data, socket=str(runs.folder / "nothing"))
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert end.reason is EndReason.SANDBOX
    assert str(runs.folder) not in end.message


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="the suite already runs as an ordinary user")
@pytest.mark.skipif(not (shutil.which("setpriv") and shutil.which("unshare")), reason="takes setpriv and unshare")
def test_the_contract_holds_for_an_ordinary_user_who_may_use_the_engine(engine_socket: str) -> None:
    chosen = "pulled or hole or memory_is or disk_is or every_file or stop or dead_supervisors or of_roots or variables"
    chosen += " or each_other"
    place = Path(engine_socket)
    modes = [(path, path.stat().st_mode) for path in (place.parent, place)]
    for path, mode in modes:
        path.chmod(mode | 0o777 if path == place else mode | 0o755)
    try:
        done = as_ordinary_user(
            "tests/contract/runtime/test_docker.py",
            "tests/contract/runtime/test_docker_contract.py",
            "-k",
            chosen,
            DOCKER_HOST=f"unix://{engine_socket}",
        )
    finally:
        for path, mode in modes:
            path.chmod(mode)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
