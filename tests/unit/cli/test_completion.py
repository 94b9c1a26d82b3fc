"""What Tab answers in a real shell, once `whiteroom --install-completion` was run there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import CommandLine
from whiteroom.cli.main import NOUNS

BIN = Path(sys.executable).parent


class Shell:
    """A bash of somebody who has nothing else in the home folder."""

    def __init__(self, home: Path) -> None:
        self._variables = {"HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}", "SHELL": "/bin/bash"}
        self.run("whiteroom --install-completion bash")

    def run(self, script: str) -> str:
        ran = subprocess.run(
            # A last command of its own: bash would become the one before, and there were no shell to be found.
            ["bash", "--norc", "-c", f"{script}\nexit $?"],
            env=self._variables,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stderr == ""
        return ran.stdout

    def tab(self, *words: str) -> set[str]:
        """What is offered for the last word."""
        typed = " ".join(f"'{word}'" for word in ("whiteroom", *words))
        script = f"""
            source ~/.bashrc
            complete -p whiteroom > /dev/null
            COMP_WORDS=({typed}); COMP_CWORD={len(words)}
            _whiteroom_completion whiteroom
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        return set(self.run(script).split())


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path_factory.mktemp("home"))


def test_tab_completes_nouns(shell: Shell) -> None:
    assert shell.tab("co") == {noun for noun in NOUNS if noun.startswith("co")}


def test_tab_completes_the_commands_of_a_noun(shell: Shell) -> None:
    assert shell.tab("users", "") == {"add", "change", "disable", "enable", "list", "remove"}


def test_tab_completes_options_and_their_values(shell: Shell) -> None:
    assert "--role" in shell.tab("users", "add", "--r")
    assert shell.tab("users", "add", "--role", "a") == {"administrator", "analyst"}


@pytest.mark.parametrize(
    ("shell_name", "variables"),
    [("zsh", {}), ("fish", {"_TYPER_COMPLETE_FISH_ACTION": "get-args"})],
)
def test_other_shells_are_answered_with_the_same(shell_name: str, variables: dict[str, str]) -> None:
    asked = {"_WHITEROOM_COMPLETE": f"complete_{shell_name}", "_TYPER_COMPLETE_ARGS": "whiteroom users d", **variables}
    out = subprocess.check_output([str(BIN / "whiteroom")], env={**os.environ, **asked}, text=True)
    assert "disable" in out
    assert "enable" not in out.replace("disable", "")


def test_tab_completes_the_accounts_of_the_folder_and_nothing_where_there_is_none(
    shell: Shell, cli: CommandLine, tmp_path: Path
) -> None:
    for account in ("111111111111", "111122223333", "222222222222"):
        cli("accounts", "add", account)
    data = ("--data", str(cli.data))
    assert shell.tab("accounts", "rotate", *data, "11") == {"111111111111", "111122223333"}
    assert shell.tab("users", "list", *data, "--account", "2") == {"222222222222"}
    assert shell.tab("users", "list", "--data", str(tmp_path / "none"), "--account", "2") == set()
    assert not (tmp_path / "none").exists()


def test_tab_is_offered_nothing_and_told_nothing_where_the_database_is_none_or_the_folder_is_gone(
    shell: Shell, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    pipe.mkdir()
    os.mkfifo(pipe / "whiteroom.db")
    for folder in (str(pipe), os.fsdecode(bytes(tmp_path) + b"/\xff")):
        assert shell.tab("users", "list", "--data", folder, "--account", "1") == set()
    script = """mkdir gone; cd gone; rmdir ../gone
        COMP_WORDS="whiteroom users list --account " COMP_CWORD=4 _WHITEROOM_COMPLETE=complete_bash whiteroom"""
    assert shell.run(f"cd {tmp_path}\n{script}").strip() == ""
