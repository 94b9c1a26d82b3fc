"""Sealed data of a test's own, with its ring of keys and its folders in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from whiteroom.data.s3.objects import Objects
from whiteroom.data.s3.seals import Seal, SealedAs
from whiteroom.data.sealed.data import SealedData
from whiteroom.domain.execution.data import DataRef
from whiteroom.keys.local import LocalRing, taken_list

KEY = "whiteroom:collaboration/c"


def sealed_as(ref: DataRef) -> SealedAs:
    return SealedAs(KEY, f"arn:aws:cleanrooms-ml:us-east-1:111122223333:{ref.id}")


@dataclass
class Rig:
    """A data folder with sealed data, and what stands for the memory of its machine."""

    folder: Path
    objects: Objects
    in_use: set[str] = field(default_factory=set)
    starts: int = 0

    @property
    def memory(self) -> Path:
        """Of the machine's last start."""
        return self.folder / "memory" / str(self.starts)

    @property
    def root(self) -> Path:
        return self.folder / "data"

    @property
    def master(self) -> Path:
        return self.folder / "keys" / "master.key"

    def seal(self) -> Seal:
        return Seal(LocalRing(self.master, lambda: True), sealed_as, takes_plain=False)

    def data(self, cache_bytes: int = 10**9) -> SealedData:
        """As the server of now has it."""
        self.memory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SealedData(
            self.root,
            self.objects,
            self.seal(),
            self.memory,
            cache_bytes,
            lambda: self.in_use,
            adopts=True,
            prepare=lambda _: None,
        )

    def anew(self) -> SealedData:
        """As a server has it after the machine has started again."""
        self.starts += 1
        return self.data()

    def take_away(self, key: str = KEY) -> None:
        """Take a key away; an empty name gives all of them back."""
        taken_list(self.master).write_text(key)
