"""`whiteroom images`: local images, made of a folder and a virtual environment."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from whiteroom.app import open_images
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, made_folder
from whiteroom.cli.output import note, say, say_done, say_json, say_table, second
from whiteroom.cli.problems import Problem
from whiteroom.cli.progress import progress
from whiteroom.ports.runtime import ImageNotFound
from whiteroom.runtime.images.library import Image, ImageRefused, facts

app = typer.Typer(rich_markup_mode="markdown")

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME[:TAG]",
        help="The image's name; may be a whole registry URI, as scripts name it.",
        show_default=False,
    ),
]
Train = Annotated[
    str,
    typer.Option(
        metavar="COMMAND",
        help="The whole command that trains, for images that serve by another. Without any of these, `python "
        "/opt/ml/code/train.py` where DIR holds train.py and nothing is called train.",
    ),
]
Serve = Annotated[str, typer.Option(metavar="COMMAND", help="The whole command that serves, likewise.")]
Dockerfile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A Dockerfile of FROM python, COPY, RUN pip install, ENV, WORKDIR and ENTRYPOINT, followed without an "
        "engine; DIR is what it copies from. A line that is not followed is named.",
        show_default=False,
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Install the requirements anew, though an image has the same.")]


@app.command()
def build(
    name: Name,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The code; becomes /opt/ml/code in the container.", show_default=False)
    ],
    requirements: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A pip requirements file to install.", show_default=False)
    ] = None,
    entrypoint: Annotated[
        str,
        typer.Option(
            metavar="COMMAND",
            help="The command that `train` or `serve` is appended to, as a Dockerfile's ENTRYPOINT; "
            "without it they are found on PATH, in DIR or the environment.",
        ),
    ] = "",
    train: Train = "",
    serve: Serve = "",
    dockerfile: Dockerfile = None,
    fresh: Fresh = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Build an image of a folder and a virtual environment, without a container engine, and give it a name.

    One image can train and serve. Requirements are installed once for all images of the same ones, so that a change
    of code is built at once. A name that another image has moves to the new one; trainings that run keep theirs.

    Example: `whiteroom images build churn:1 ./churn --requirements churn/pip.txt --entrypoint "python main.py"`
    """
    if dockerfile is not None and (requirements is not None or entrypoint):
        raise Problem(
            "A Dockerfile says requirements and entrypoint itself: leave --requirements and --entrypoint out."
        )
    images = open_images(made_folder(data))
    try:
        with progress("Building"):
            image = images.build(
                name,
                folder,
                requirements=requirements,
                entrypoint=_words(entrypoint),
                dockerfile=dockerfile,
                commands={"train": _words(train), "serve": _words(serve)},
                fresh=fresh,
                progress=note,
            )
    except ImageRefused as error:
        raise Problem(str(error)) from None
    if as_json:
        say_json(_document(image))
    else:
        say(f"{image.name} {image.digest}")


@app.command("list")
def list_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the local images.

    Example: `whiteroom images list`
    """
    found = open_images(existing_folder(data)).list()
    if as_json:
        say_json([_document(image) for image in found])
    elif not found:
        note("There are no images yet. `whiteroom images build` makes one.")
    else:
        say_table(
            ("NAME", "DIGEST", "PYTHON", "MADE (UTC)"),
            [(image.name, image.digest[:19], image.python, second(image.created_at)) for image in found],
        )


@app.command()
def show(name: Name, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show what an image was made of.

    Example: `whiteroom images show churn:1`
    """
    try:
        image = open_images(existing_folder(data)).show(name)
    except ImageNotFound as error:
        raise Problem(str(error)) from None
    if as_json:
        say_json(_document(image))
        return
    for what, text in facts(image).items():
        say(f"{what:14}{text.replace(chr(10), chr(10) + ' ' * 14)}")


@app.command()
def remove(name: Name, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Take an image's name away, and its contents once no other name and no run needs them.

    Example: `whiteroom images remove churn:1`
    """
    try:
        gone = open_images(existing_folder(data)).remove(name)
    except ImageNotFound as error:
        raise Problem(str(error)) from None
    text = f"{name} is removed." if gone else f"The name {name} is removed; the contents are still in use."
    say_done(text, {"name": name, "removed": True, "contentsRemoved": gone}, as_json=as_json)


def _words(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise Problem(f"The command {command!r} cannot be read as a command: {error}.") from None


def _document(image: Image) -> dict[str, Any]:
    return {
        "name": image.name,
        "digest": image.digest,
        "entrypoint": list(image.entrypoint),
        "commands": {role: list(command) for role, command in image.commands.items()},
        "variables": dict(image.variables),
        "requirements": image.requirements,
        "python": image.python,
        "createTime": image.created_at.isoformat(),
    }
