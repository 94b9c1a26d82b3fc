"""In every process that a mutated test starts: the operations ignore there what they ignore in the test's own."""

from __future__ import annotations

import os
import sys

if "WHITEROOM_TESTS_IGNORE" in os.environ:
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[3]))
    from tools.ignoring.mutation import inherited, mutate_registered

    mutation = inherited()
    if mutation is not None:
        from whiteroom.answering import all_handlers

        all_handlers()
        mutate_registered(mutation)
