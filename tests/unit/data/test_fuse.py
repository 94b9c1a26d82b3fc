"""What a served folder answers to what the kernel asks; the kernel is the other end of a socket."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

import pytest

from whiteroom.data.fuse import Reply, ServedFile, ServedFolder

LOOKUP, READ = 1, 15


def asked(operation: int, number: int, node: int, body: bytes) -> bytes:
    """A request, as include/uapi/linux/fuse.h has it."""
    return struct.pack("=IIQQIIIHH", 40 + len(body), operation, number, node, 0, 0, 0, 0, 0) + body


@pytest.fixture
def kernel() -> Iterator[socket.socket]:
    kernel, device = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def read(_file: int, _opening: int, start: int, _length: int, reply: Reply) -> None:
        if start:
            raise MemoryError
        reply.give(b"rows")

    ServedFolder(device.detach(), [ServedFile("part-0", 100)], read).serve()
    kernel.settimeout(60)
    with kernel:
        yield kernel


def test_what_cannot_be_answered_is_an_error_of_input_and_the_next_is_answered(kernel: socket.socket) -> None:
    for number in range(2, 20, 2):
        kernel.send(asked(READ, number, 2, struct.pack("=QQII20x", 1, 1, 1, 0)))
        assert struct.unpack("=IiQ", kernel.recv(4096)) == (16, -errno.EIO, number)
        kernel.send(asked(LOOKUP, number, 1, b"none\0"))
        assert struct.unpack("=IiQ", kernel.recv(4096)) == (16, -errno.ENOENT, number)
    kernel.send(asked(READ, 20, 2, struct.pack("=QQII20x", 1, 0, 1, 0)))
    assert kernel.recv(4096)[16:] == b"rows"
