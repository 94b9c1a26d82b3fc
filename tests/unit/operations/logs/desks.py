"""A room, the logs of its runs, and accounts that read them through CloudWatch's operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.shapes import assert_fits, service_model
from support.worlds.driven import World
from whiteroom.answering import all_handlers
from whiteroom.base.callers import Caller
from whiteroom.base.faults import Fault
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.operations.context import Context, Deployment
from whiteroom.operations.registry import LOGS
from whiteroom.redaction.finder import PatternFinder
from whiteroom.runtime.run_logs import FolderRunLogs
from whiteroom.runtime.supervisor.logs import LogWriter

DAVE = "444444444444"
MODELS, JOBS = "/aws/cleanroomsml/TrainedModels", "/aws/cleanroomsml/TrainedModelInferenceJobs"
HANDLERS = all_handlers()


class Desk:
    """A room, its logs, and accounts that read them."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.folder = folder / "logs"
        self.folder.mkdir()

    def call(self, account: str, name: str, **request: Any) -> Any:
        model = service_model(LOGS).operation_model(name)
        assert_fits(model.input_shape, request)
        with self.world.store.reading() as tx:
            context = Context(
                caller=Caller(account, "eu-west-1"),
                tx=tx,
                now=self.world.clock(),
                catalog=self.world.catalog,
                deployment=Deployment(quotas=Quotas({}), finder=PatternFinder()),
                logs=FolderRunLogs(self.folder),
            )
            answer = HANDLERS[LOGS, name](request, context)
        answer = {key: value for key, value in (answer or {}).items() if value is not None}
        assert_fits(model.output_shape, answer)
        return answer

    def run(self, policies: dict[str, Any], lines: list[tuple[str, str]] | None = None, **changes: Any) -> Any:
        """A training under these policies, which has written these lines, of (stream, text)."""
        self.world.set_policies({"trainedModels": policies})
        model = self.world.model(**changes)
        self.world.drive()
        self.write(f"training-{model.id}", lines or [("stdout", "epoch 1"), ("stderr", "warning 2")])
        return self.record(model.id)

    def record(self, model_id: str) -> Any:
        with self.world.store.reading() as tx:
            return tx.trained_models.get(model_id)

    def write(
        self, run_id: str, lines: list[tuple[str, str]], host: str = "algo-1", first_ms: int | None = None
    ) -> None:
        writer = LogWriter(str(self.folder / f"{run_id}.jsonl"), limit_bytes=1 << 30, line_characters=1 << 16)
        start = first_ms if first_ms is not None else int(self.world.clock().timestamp() * 1000)
        for number, (stream, text) in enumerate(lines):
            if stream == "platform":
                writer.note(start + number, host, text)
            else:
                writer.add(start + number, host, stream, [text.encode()])
        writer.close()

    def streams(self, account: str, group: str = MODELS, **request: Any) -> list[str]:
        answer = self.call(account, "DescribeLogStreams", logGroupName=group, **request)
        return [stream["logStreamName"] for stream in answer["logStreams"]]

    def messages(self, account: str, group: str = MODELS, **request: Any) -> list[str]:
        """Every event of a group, through every page."""
        found: list[str] = []
        token: dict[str, str] = {}
        for _ in range(1000):
            answer = self.call(account, "FilterLogEvents", logGroupName=group, **request, **token)
            found += [event["message"] for event in answer["events"]]
            if "nextToken" not in answer:
                return found
            token = {"nextToken": answer["nextToken"]}
        raise AssertionError("The pages have no end.")

    def refused(self, fault: type[Fault], account: str, name: str, **request: Any) -> str:
        with pytest.raises(fault) as caught:
            self.call(account, name, **request)
        return caught.value.message


def logs_of(*accounts: str, **rest: Any) -> dict[str, Any]:
    return {"containerLogs": [{"allowedAccountIds": list(accounts), **rest}]}


FAILED = RunEnd(
    EndReason.EXITED, exit_code=1, failure="secret: lost row 41", started_at_ms=1_767_268_800_000,
    ended_at_ms=1_767_268_900_000,
)  # fmt: skip
ERRORS = {"logType": "ERROR_SUMMARY"}
WRITTEN = [
    ("platform", "Instances of 2 processors."),
    ("stdout", "row 41"),
    ("stderr", "Traceback (most recent call last):"),
    ("stderr", "ValueError: row 17"),
    ("platform", "Ended: the program ended with exit code 1."),
]
