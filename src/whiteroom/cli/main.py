"""The command `whiteroom`: finds the noun that is asked for, and turns errors into one sentence."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
import typer.core

from whiteroom.base.machine_errors import Trouble, machine_error_of
from whiteroom.cli.completion import VARIABLE, half_written
from whiteroom.cli.output import complain
from whiteroom.cli.problems import Problem
from whiteroom.settings import SettingsError

DEBUG_VARIABLE = "WHITEROOM_DEBUG"


@dataclass(frozen=True, slots=True)
class Noun:
    """One command, or one group of commands, in a file of its own."""

    summary: str
    is_group: bool = False


NOUNS: Mapping[str, Noun] = {
    "demo": Noun("See three organisations train a model together."),
    "up": Noun("Start the server on a data folder."),
    "accounts": Noun("Make accounts: the organisations that sign requests.", is_group=True),
    "users": Noun("Say who signs for an account, and what each may do.", is_group=True),
    "keys": Noun("Give users access keys, and end them.", is_group=True),
    "roles": Noun("Make roles that users assume for a time.", is_group=True),
    "console": Noun("Take somebody in to the console, and end sessions there.", is_group=True),
    "owner": Noun("End all use of an account's tables at once.", is_group=True),
    "collaborations": Noun("Stop all work of a collaboration, and let it go on.", is_group=True),
    "catalog": Noun("Say which files are an account's tables.", is_group=True),
    "connections": Noun("Say how the databases are reached that have tables.", is_group=True),
    "images": Noun("Build local images for algorithms.", is_group=True),
    "notify": Noun("Say where an account is told what ended, and what it has to do.", is_group=True),
    "explain": Noun("Tell everything that happened to a resource, and why."),
    "logs": Noun("Show what a training or an inference job wrote."),
    "metrics": Noun("Show what a training or an inference job measured, and took of the machine."),
    "results": Noun("Show what was delivered to members, and copy it out.", is_group=True),
    "usage": Noun("Show what each payer used, as a bill."),
    "partial": Noun("Fetch what a training saved that ran too long."),
    "backup": Noun("Copy a data folder while its server runs."),
    "restore": Noun("Make a data folder of a backup."),
    "aws-data": Noun("Print where the waiters are for boto3 and the AWS CLI."),
    "ops": Noun("List the AWS operations, and the function that answers each."),
    "doctor": Noun("Look at what this machine can run, and what to do about the rest."),
}
"""In the order in which an operator meets them. The file is `cli/NOUN.py`, with `_` for `-`."""

HELP = "A self-hosted clean room for machine learning that speaks the AWS Clean Rooms ML protocol."


class _Commands(typer.core.TyperGroup):
    """Refuses a value in words of the command line's own: those of what reads values are for programmers."""

    def invoke(self, ctx: Any) -> Any:
        """See typer."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            errors: list[Any] = getattr(error.__cause__, "errors", list)()
            if errors:
                error.message = _in_words(errors[0])
            raise


def _in_words(error: Mapping[str, Any]) -> str:
    """Why a value cannot be read; `error` is of pydantic's, which typer asks."""
    match error["type"]:
        case "int_parsing" | "int_from_float" | "int_parsing_size":
            return f"{error['input']!r} is not a whole number."
        case "value_error":
            return str(error["ctx"]["error"]).replace("%Y-%m-%d", "YYYY-MM-DD")
        case _:
            return str(error["msg"])


def program(wanted: Sequence[str] = tuple(NOUNS)) -> typer.Typer:
    """The command line, with the nouns of `wanted` whole and a line for each of the others.

    A noun's file is imported when it is wanted: `whiteroom --help` waits for none of them.
    """
    app = typer.Typer(
        cls=_Commands,
        context_settings={"help_option_names": ["-h", "--help"]},
        name="whiteroom",
        help=HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    app.callback()(_whiteroom)
    for name, noun in NOUNS.items():
        if name not in wanted:
            app.command(name, help=noun.summary)(_elsewhere)
        elif noun.is_group:
            app.add_typer(_module(name).app, name=name, help=noun.summary, no_args_is_help=True)
        else:
            app.command(name, short_help=noun.summary)(getattr(_module(name), _python_name(name)))
    return app


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process."""
    arguments = sys.argv[1:] if arguments is None else arguments
    words = half_written(os.environ) if VARIABLE in os.environ else arguments
    wanted = [word for word in words if not word.startswith("-")][:1]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal need not have every name's letters
    try:
        program(wanted)(args=list(arguments), prog_name="whiteroom")
    except (Problem, SettingsError, Trouble) as error:
        _end(str(error), 1, error)
    except OSError as error:
        _end(_machine_problem(error), 1, error)
    except UnicodeEncodeError as error:
        _end("A name or a path that was given is no text in UTF-8: write it so.", 1, error)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - an operator is shown a sentence, whatever it was
        _end(
            f"Whiteroom met an error of its own: {type(error).__name__}: {error}. "
            f"Run it again with {DEBUG_VARIABLE}=1 to see where, and report it.",
            70,
            error,
        )


def _machine_problem(error: OSError) -> str:
    """What the machine refused, and what to do about it."""
    trouble = machine_error_of(error)
    if trouble is not None:
        return trouble
    if not error.filename:
        return f"{error}."
    what = f"{error.strerror}: {os.fsdecode(error.filename)}."
    if not isinstance(error, PermissionError):
        return what
    path = Path(os.fsdecode(error.filename)).absolute()
    owner = next((uid for uid in map(_owner, (path, *path.parents)) if uid is not None), 0)
    return (
        f"{what} It, or its folder, belongs to user {owner}, and this is user {os.geteuid()}. "
        "Run it as that user, or give the folder to this one with chown -R."
    )


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def _end(message: str, exit_code: int, error: Exception) -> None:
    if os.environ.get(DEBUG_VARIABLE):
        raise error
    complain(message)
    sys.exit(exit_code)


def _module(noun: str) -> ModuleType:
    return importlib.import_module(f"whiteroom.cli.{_python_name(noun)}")


def _python_name(noun: str) -> str:
    return noun.replace("-", "_")


def _elsewhere() -> None:
    """Stands in for a noun that was not asked for."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"whiteroom {version('whiteroom')}")
        raise typer.Exit


def _whiteroom(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """A self-hosted clean room for machine learning that speaks the AWS Clean Rooms ML protocol."""
