"""Links that a program leaves among its artefacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.worlds.driven import World


def leave_links(world: World, monkeypatch: pytest.MonkeyPatch, **links: str) -> None:
    """Let every run leave these links, by name, in /opt/ml/model."""
    real = world.runtime.output

    def output(run_id: Any) -> Any:
        found = real(run_id)
        for one in found:
            for name, text in links.items():
                link = Path(world.data.path(one.model.at(name)))
                link.unlink(missing_ok=True)
                link.symlink_to(text)
        return found

    monkeypatch.setattr(world.runtime, "output", output)
