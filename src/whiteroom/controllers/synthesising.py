"""Synthetic rows at work: they are made of what a channel's query wrote, which nobody but their maker reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from whiteroom.controllers.query_specs import QuerySettings
from whiteroom.controllers.room import result_format
from whiteroom.domain.ml_input_channels import MLInputChannel
from whiteroom.domain.queries import ResultFormat
from whiteroom.domain.synthetic_data import SynthesisObservation, SynthesisSpec, SyntheticDataParameters
from whiteroom.ports import Synthesiser


class Synthesising:
    """Syntheses of channels, each under the id of the channel's query."""

    def __init__(self, synthesiser: Synthesiser, originals_folder: Path, settings: QuerySettings) -> None:
        """Work with these.

        Args:
            synthesiser: makes the rows.
            originals_folder: takes the real rows, below the id of their query.
            settings: what the operator chose for queries; a synthesis has the same limits.
        """
        self._synthesiser = synthesiser
        self._originals_folder = originals_folder
        self._settings = settings

    def originals(self, channel: MLInputChannel) -> Path:
        """Where the channel's query puts its rows."""
        return self._originals_folder / channel.protected_query_id

    def observe(self, channel: MLInputChannel) -> SynthesisObservation:
        """What is seen of the channel's synthesis."""
        return self._synthesiser.observe(channel.protected_query_id)

    def start(self, channel: MLInputChannel, folder: Path) -> None:
        """Start to make the channel's rows in `folder`, unless that goes on or has ended."""
        settings = self._settings
        self._synthesiser.start(
            SynthesisSpec(
                id=channel.protected_query_id,
                source=self.originals(channel),
                folder=folder,
                parameters=SyntheticDataParameters.parse(channel.synthetic_data_parameters or {}),
                result_format=ResultFormat(result_format(channel.input_channel)),
                csv_header=settings.csv_header,
                max_file_bytes=settings.max_file_bytes,
                memory_bytes=settings.memory_bytes,
                cpus=settings.cpus,
                timeout_seconds=settings.timeout_seconds,
            )
        )

    def held(self) -> Iterable[str]:
        """Ids of the queries of whose rows something is held here."""
        folder = self._originals_folder
        rows = (entry.name for entry in folder.iterdir()) if folder.exists() else ()
        return {*self._synthesiser.syntheses(), *(name for name in rows if not name.startswith("."))}

    def stop(self, query_id: str) -> None:
        """End the synthesis, and erase the real rows."""
        self._synthesiser.stop(query_id)
        self.discard(query_id)

    def discard(self, query_id: str) -> None:
        """Erase the real rows. What is absent is a success."""
        if (self._originals_folder / query_id).exists():
            shutil.rmtree(self._originals_folder / query_id)

    def forget(self, query_id: str) -> None:
        """End the synthesis, and free all that is held of it."""
        self._synthesiser.forget(query_id)
        self.discard(query_id)
