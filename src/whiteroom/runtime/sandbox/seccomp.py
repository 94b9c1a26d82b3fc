"""The sandbox's filter of system calls: runtime/system_calls.py as a BPF program for bubblewrap's `--seccomp`. Pure."""

from __future__ import annotations

import errno
import struct

from whiteroom.runtime.system_calls import ABSENT, JUDGED, MACHINES, REFUSED, Judged, UnsupportedMachine

_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_X32_BIT = 0x40000000

# Offsets in struct seccomp_data; arguments are 64 bits wide, little end first on both machines.
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

Instruction = tuple[int, int, int, int]


def program(machine: str) -> bytes:
    """The filter for `machine` (as `os.uname().machine` names it).

    Raises:
        UnsupportedMachine: there is no table for it.
    """
    known = MACHINES.get(machine)
    if known is None:
        raise UnsupportedMachine(
            f"There is no system call filter for {machine} processors; use one of {', '.join(MACHINES)}."
        )
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_EQUAL, 1, 0, known.audit_architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if known.has_x32:
        code += [(_JUMP_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL_PROCESS)]
    for judged in JUDGED.values():
        code += _when(judged.numbers[known.column], _judge(judged))
    for table, answer in ((REFUSED, errno.EPERM), (ABSENT, errno.ENOSYS)):
        for numbers in table.values():
            code += _when(numbers[known.column], [(_RETURN, 0, 0, _ERRNO | answer)])
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _when(number: int | None, body: list[Instruction]) -> list[Instruction]:
    """Run `body`, which always returns, if the loaded call number is `number`."""
    return [] if number is None else [(_JUMP_EQUAL, 0, len(body), number), *body]


def _judge(judged: Judged) -> list[Instruction]:
    """Allow where all tests of an alternative hold; else go on to the next, and refuse after the last."""
    body: list[Instruction] = []
    for tests in judged.alternatives:
        # Three instructions a test; a test that fails goes past what is left of its alternative, and its return.
        for place, test in enumerate(tests):
            left = 3 * (len(tests) - place - 1) + 1
            body += [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * test.argument), (_AND, 0, 0, test.mask)]
            body.append((_JUMP_EQUAL, 0, left, test.value))
        body.append((_RETURN, 0, 0, _ALLOW))
    return [*body, (_RETURN, 0, 0, _ERRNO | judged.answer)]
