"""The moments at which a server dies, and what a start of another finds."""

from __future__ import annotations

from support.worlds.driven import World
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import EndReason, RunEnd

POINTS = ["planned", "acted", "recorded"]
VISITS = range(1, 8)


def restart_with_a_sweep(world: World) -> None:
    world.drive()
    world.reconciler().sweep()


DIED = RunEnd(EndReason.LOST, "It was killed.")
RETRIED_VISITS = range(1, 16)


def retries_told(world: World, arn: str) -> int:
    with world.store.reading() as tx:
        return sum(1 for event in tx.events(arn) if event.event is Event.NOTED and "follows" in event.reason)


def nothing_of_a_training_is_left(world: World) -> bool:
    checkpoints = world.tmp / "checkpoints"
    return world.runtime.runs() == () and not (checkpoints.is_dir() and list(checkpoints.iterdir()))
