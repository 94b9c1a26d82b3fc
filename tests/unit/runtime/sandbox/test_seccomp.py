import errno
import re
import struct
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from whiteroom.runtime import system_calls
from whiteroom.runtime.docker import seccomp as docker_seccomp
from whiteroom.runtime.sandbox import seccomp

ALLOW, KILL, EPERM = 0x7FFF0000, 0x80000000, 0x50000 | errno.EPERM
HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}


@cache
def code(machine: str) -> list[tuple[int, int, int, int]]:
    return list(struct.iter_unpack("=HBBI", seccomp.program(machine)))


def judge(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """Run the program as the kernel does."""
    instructions = code(machine)
    arch = system_calls.MACHINES[machine].audit_architecture if architecture is None else architecture
    data = struct.pack("=iIQ6Q", number, arch, 0, *(arguments + (0,) * 6)[:6])
    accumulator = at = 0
    while True:
        kind, jump_true, jump_false, value = instructions[at]
        at += 1
        if kind == 0x06:
            return int(value)
        if kind == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif kind == 0x54:
            accumulator &= value
        else:
            test = {0x15: accumulator == value, 0x45: bool(accumulator & value), 0x35: accumulator >= value}[kind]
            at += jump_true if test else jump_false


@pytest.mark.parametrize("machine", system_calls.MACHINES)
def test_what_the_tables_name_is_refused_and_ordinary_calls_are_not(machine: str) -> None:
    column = system_calls.MACHINES[machine].column
    for table, answer in ((system_calls.REFUSED, errno.EPERM), (system_calls.ABSENT, errno.ENOSYS)):
        for name, numbers in table.items():
            number = numbers[column]
            if number is not None:
                assert judge(machine, number) == 0x50000 | answer, name
    assert [judge(machine, number) for number in ((0, 1, 9, 59), (63, 64, 222, 221))[column]] == [ALLOW] * 4


@pytest.mark.parametrize("machine", system_calls.MACHINES)
def test_the_numbers_are_the_kernels(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip("the kernel's headers are not here")
    known = dict(re.findall(r"#define __NR_(\w+)\s+(\d+)", header.read_text()))
    column = system_calls.MACHINES[machine].column
    for name, numbers in {**system_calls.REFUSED, **system_calls.ABSENT}.items():
        if name in known:
            assert numbers[column] == int(known[name]), name


def test_the_32_bit_and_x32_gates_are_closed() -> None:
    assert judge("x86_64", 20, architecture=0x40000003) == KILL
    assert judge("x86_64", 0x40000000) == KILL


@pytest.mark.parametrize(
    ("family", "protocol", "allowed"),
    [(1, 0, True), (2, 0, True), (10, 0, True), (16, 0, True), (16, 9, False), (17, 0, False), (38, 0, False),
     (40, 0, False), (44, 0, False)],
)  # fmt: skip
def test_only_these_socket_families_are_open(family: int, protocol: int, allowed: bool) -> None:
    assert (judge("x86_64", 41, family, 1, protocol) == ALLOW) is allowed
    assert (judge("aarch64", 198, family, 1, protocol) == ALLOW) is allowed


@pytest.mark.parametrize("flag", [0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000])
def test_no_call_makes_a_namespace(flag: int) -> None:
    assert judge("x86_64", 272, flag) == EPERM
    assert judge("x86_64", 56, flag | 17) == EPERM
    assert judge("x86_64", 56, 17) == ALLOW


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6000])
def test_no_file_becomes_set_uid(mode: int) -> None:
    assert judge("x86_64", 90, 0, mode) == EPERM
    assert judge("x86_64", 257, 0, 0, 0o101, mode) == EPERM
    assert judge("x86_64", 257, 0, 0, 0, mode) == ALLOW
    assert judge("x86_64", 90, 0, 0o755) == ALLOW


def test_devices_and_white_outs_cannot_be_made_but_fifos_can() -> None:
    assert judge("x86_64", 133, 0, 0o020666) == EPERM
    assert judge("x86_64", 133, 0, 0o060666) == EPERM
    assert judge("x86_64", 133, 0, 0o010666) == ALLOW


def test_an_unknown_processor_is_refused() -> None:
    with pytest.raises(system_calls.UnsupportedMachine, match="m68k"):
        seccomp.program("m68k")


@pytest.mark.parametrize("machine", ["amd64", "arm64"])
def test_a_containers_profile_allows_nothing_that_the_table_refuses(machine: str) -> None:
    found = docker_seccomp.profile(machine)
    assert found is not None
    assert found["defaultAction"] == "SCMP_ACT_ERRNO"
    whole = {name for rule in found["syscalls"] if not rule.get("args") for name in rule["names"]}
    assert not docker_seccomp.ALLOWED & (system_calls.REFUSED.keys() | system_calls.ABSENT.keys())
    assert not whole & system_calls.JUDGED.keys(), "a rule without arguments would stand over those with them"


@pytest.mark.parametrize("name", system_calls.JUDGED)
def test_a_containers_profile_and_the_sandboxs_filter_judge_arguments_alike(name: str) -> None:
    judged = system_calls.JUDGED[name]
    number = judged.numbers[0]
    found = docker_seccomp.profile("amd64")
    assert found is not None
    assert number is not None
    rules = [rule["args"] for rule in found["syscalls"] if rule["names"] == [name]]
    values = [
        0,
        1,
        2,
        10,
        16,
        17,
        38,
        40,
        0o101,
        0o644,
        0o4755,
        0o20666,
        0o60666,
        0o10666,
        0x5412,
        0x541C,
        0x5413,
        0x20000,
    ]
    values += [0xFFFFFFFF, 0xC0104600, 0x8912]
    for first, second, third, fourth in product(values[:12], values, values, (0, 0o4755)):
        arguments = (first, second, third, fourth)
        by_profile = any(all(arguments[t["index"]] & t["value"] == t["valueTwo"] for t in rule) for rule in rules)
        assert (judge("x86_64", number, *arguments) == ALLOW) is by_profile, arguments
