"""`python -m whiteroom` is the command `whiteroom`."""

from whiteroom.cli.main import run

run()
