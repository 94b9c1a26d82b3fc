"""Has synthetic rows made from what a channel's query wrote, which nothing else reads."""

from __future__ import annotations

from collections.abc import Iterable

from whiteroom.controllers.query_specs import QuerySettings
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.synthetic_data import SynthesisObservation, SynthesisSpec, SyntheticDataParameters
from whiteroom.domain.resources.ml_input_channels import MLInputChannel, result_format
from whiteroom.ports.data import Data
from whiteroom.ports.synthesiser import Synthesiser


class Synthesising:
    """Syntheses of channels, each under the id of the channel's query."""

    def __init__(self, synthesiser: Synthesiser, data: Data, settings: QuerySettings) -> None:
        """Work with these.

        Args:
            synthesiser: makes the rows.
            data: keeps the real rows, and the synthetic ones.
            settings: what the operator chose for queries; a synthesis has the same limits.
        """
        self._synthesiser = synthesiser
        self._data = data
        self._settings = settings

    def originals(self, channel: MLInputChannel) -> DataRef:
        """The real rows, which the channel's query writes."""
        return DataRef(DataKind.ORIGINAL, channel.protected_query_id)

    def observe(self, channel: MLInputChannel) -> SynthesisObservation:
        """What is seen of the channel's synthesis."""
        return self._synthesiser.observe(channel.protected_query_id)

    def start(self, channel: MLInputChannel, target: DataRef) -> None:
        """Start to make the channel's rows, unless that goes on or has ended."""
        settings = self._settings
        self._synthesiser.start(
            SynthesisSpec(
                id=channel.protected_query_id,
                source=self.originals(channel),
                target=target,
                parameters=SyntheticDataParameters.parse(channel.synthetic_data_parameters or {}),
                result_format=result_format(channel.input_channel),
                csv_header=settings.csv_header,
                max_file_bytes=settings.max_file_bytes,
                memory_bytes=settings.memory_bytes,
                cpus=settings.cpus,
                timeout_seconds=settings.timeout_seconds,
            )
        )

    def owned_ids(self) -> Iterable[str]:
        """Ids of the queries of whose rows something is held here."""
        return {*self._synthesiser.syntheses(), *self._data.held(DataKind.ORIGINAL)}

    def stop(self, query_id: str) -> None:
        """End the synthesis, and erase the real rows."""
        self._synthesiser.stop(query_id)
        self.discard(query_id)

    def discard(self, query_id: str) -> None:
        """Erase the real rows. What is absent is a success."""
        self._data.erase(DataRef(DataKind.ORIGINAL, query_id))

    def forget(self, query_id: str) -> None:
        """End the synthesis, and free all that is held of it."""
        self._synthesiser.forget(query_id)
        self.discard(query_id)
