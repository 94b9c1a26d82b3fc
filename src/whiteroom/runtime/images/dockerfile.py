"""A Dockerfile's simple subset, followed without an engine: what it says of a local image.

FROM python, COPY, RUN pip install, ENV, WORKDIR and ENTRYPOINT, as far as they mean the same here as in a container:
code is in /opt/ml/code, and Python is this server's. Any other line is refused by its number.
"""

from __future__ import annotations

import json
import platform
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from whiteroom.base.archives import shown
from whiteroom.runtime.contract import CODE
from whiteroom.runtime.images.kept import names_versions_alone
from whiteroom.runtime.images.texts import as_pip_reads
from whiteroom.runtime.trees import BadFolder, copy_tree

_FROM: Final = re.compile(
    r"((docker\.io|public\.ecr\.aws/docker)/)?(library/)?python(:(?P<version>[0-9]+(\.[0-9]+)*)?-?[A-Za-z0-9.-]*)?"
)
_PIP: Final = re.compile(r"(python3? -m )?pip3? install ")
_QUIET: Final = frozenset(
    {"--no-cache-dir", "-q", "--quiet", "-U", "--upgrade", "--no-input", "--disable-pip-version-check"}
)
"""Options of pip that make no difference to an environment that is made anew."""
_WITH_TEXT: Final = frozenset({"-i", "--index-url", "--extra-index-url"})
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_OURS: Final = frozenset({"PATH", "HOME", "TMPDIR", "VIRTUAL_ENV"})


class LineRefusedError(Exception):
    """A line that is not followed. The message has its number, its words and the reason."""


class _CannotError(Exception):
    """The reason."""


@dataclass(slots=True)
class Recipe:
    """What a Dockerfile says of an image, but for the code."""

    requirements: str = ""
    entrypoint: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


def follow(text: str, context: Path, code: Path) -> Recipe:
    """Put the code in place in `code`, which is made, and say the rest.

    Args:
        text: of the Dockerfile.
        context: the folder that COPY copies from.
        code: what becomes /opt/ml/code.

    Raises:
        LineRefusedError: it has a line that is not followed.
    """
    code.mkdir()
    kitchen = _Kitchen(context.resolve(), code)
    number = 0
    for number, line in _lines(text):
        try:
            kitchen.do(line)
        except (_CannotError, BadFolder, OSError, UnicodeError, LookupError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else str(problem)
            raise LineRefusedError(f"Line {number} of the Dockerfile, `{shown(line)}`: {why}") from None
    if not kitchen.begun:
        raise LineRefusedError(f"Line {number or 1} of the Dockerfile: there is no FROM. Begin with FROM python.")
    return kitchen.recipe


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The instructions, each with the number of its first line; comments and continued lines are taken out."""
    held, begun = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            if re.match(r"#\s*escape\s*=", line):
                yield number, line
            continue
        begun = begun or number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        yield begun, held + line
        held, begun = "", 0
    if held.strip():
        yield begun, held.strip()


class _Kitchen:
    """The image so far."""

    def __init__(self, context: Path, code: Path) -> None:
        self._context, self._code = context, code
        self._working = PurePosixPath("/")
        self.recipe = Recipe()
        self.begun = False
        self._instructions: dict[str, Callable[[str], None]] = {
            "FROM": self._from,
            "COPY": self._copy,
            "RUN": self._run,
            "ENV": self._env,
            "WORKDIR": self._workdir,
            "ENTRYPOINT": self._entrypoint,
        }

    def do(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        instruction = self._instructions.get(word.upper())
        if instruction is None:
            raise _CannotError(f"only {', '.join(self._instructions)} are followed without an engine.")
        if not self.begun and word.upper() != "FROM":
            raise _CannotError("FROM comes first.")
        if "$" in rest or "<<" in rest:
            raise _CannotError("variables and here-documents are not followed; write what they stand for.")
        instruction(rest.strip())

    def _from(self, rest: str) -> None:
        found = _FROM.fullmatch(rest)
        had = platform.python_version()
        if self.begun or not found:
            raise _CannotError("an image here begins once, and with python: FROM python.")
        version = found["version"]
        if version and not f"{had}.".startswith(f"{version}."):
            minor = had.rpartition(".")[0]
            raise _CannotError(
                f"this server's Python is {had}; write FROM python:{minor}, or run the image in an engine."
            )
        self.begun = True

    def _workdir(self, rest: str) -> None:
        if self._place(rest) != PurePosixPath("/opt/ml/code"):
            raise _CannotError(f"a program here starts in {CODE}; write WORKDIR {CODE}.")
        self._working = CODE

    def _env(self, rest: str) -> None:
        words = _words(rest)
        if words and "=" not in words[0]:
            # The old form: one variable, and all the rest of the line is its value.
            name, _, value = rest.partition(" ")
            words = [f"{name}={value.strip()}"]
        for word in words:
            name, equals, value = word.partition("=")
            if not equals or not _VARIABLE.fullmatch(name):
                raise _CannotError("it sets no variable; write ENV NAME=VALUE.")
            if name in _OF_OURS:
                raise _CannotError(f"{name} is this server's to set.")
            self.recipe.variables[name] = value

    def _entrypoint(self, rest: str) -> None:
        listed = _listed(rest)
        # As an engine does: a shell, to which what is appended is not part of the command.
        self.recipe.entrypoint = tuple(listed) if listed is not None else ("/bin/sh", "-c", rest)

    def _copy(self, rest: str) -> None:
        words = _listed(rest) or _words(rest)
        if any(word.startswith("--") for word in words):
            raise _CannotError("options of COPY are not followed.")
        if len(words) < 2:
            raise _CannotError("it names no source and destination.")
        if (self._context / ".dockerignore").exists():
            raise _CannotError("there is a .dockerignore, which is not read here, so that too much would be copied.")
        *sources, target = words
        found = [place for source in sources for place in self._sources(source)]
        into = target.endswith(("/", "/.")) or target == "." or len(found) > 1
        place = self._inside(target)
        for source in found:
            if source.is_dir():
                self._merge(source, place)
            else:
                self._put(source, place / source.name if into or place.is_dir() else place)

    def _sources(self, text: str) -> list[Path]:
        parts = PurePosixPath(text.lstrip("/"))
        if ".." in parts.parts:
            raise _CannotError(f"{text} leads out of the folder that is built from.")
        if not parts.parts:
            return [self._context]
        found = sorted(self._context.glob(str(parts)))
        if not found:
            raise _CannotError(f"there is no {text} in the folder that is built from.")
        for place in found:
            if not place.resolve().is_relative_to(self._context):
                raise _CannotError(f"{text} leads out of the folder that is built from.")
        return found

    def _merge(self, source: Path, place: Path) -> None:
        """Copy what is in a folder; what a copy may not hold is refused before anything is merged."""
        with tempfile.TemporaryDirectory(dir=self._code.parent) as held:
            copy_tree(source, Path(held, "tree"))
            shutil.copytree(Path(held, "tree"), place, symlinks=True, dirs_exist_ok=True)

    @staticmethod
    def _put(source: Path, place: Path) -> None:
        if not source.is_file():
            raise BadFolder(f"{source.name} is neither a file nor a folder.")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        place.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)

    def _run(self, rest: str) -> None:
        for command in rest.split("&&"):
            words = " ".join(command.split()) + " "
            found = _PIP.match(words)
            # What is in quotes is text; anywhere else a shell would obey these.
            if not found or re.search(r"[;|`&<>(){}*?]", re.sub(r"'[^']*'|\"[^\"]*\"", "", words)):
                raise _CannotError("only `pip install` is run without an engine, and versions with < or > in quotes.")
            self._install(_words(words[found.end() :]))

    def _install(self, words: list[str]) -> None:
        lines: list[str] = []
        left = iter(words)
        for word in left:
            if word in {"-r", "--requirement"}:
                lines.append(self._required(next(left, "")))
            elif word in _WITH_TEXT:
                lines.append(f"{word} {next(left, '')}")
            elif word not in _QUIET:
                if word.startswith("-") or not names_versions_alone(word):
                    raise _CannotError(f"{word}: only names with versions, -r FILE and indexes are taken.")
                lines.append(word)
        self.recipe.requirements += "".join(f"{line}\n" for line in lines)

    def _required(self, name: str) -> str:
        place = self._inside(name)
        if not name or not place.is_file():
            raise _CannotError(f"no COPY has put {name or 'a file'} there.")
        return as_pip_reads(place.read_bytes()).rstrip("\n")

    def _inside(self, text: str) -> Path:
        """Where a path of the image is built."""
        place = self._place(text)
        if not place.is_relative_to(CODE):
            raise _CannotError(f"{place} is not in {CODE}, which is all that a local image holds.")
        return self._code / place.relative_to(CODE)

    def _place(self, text: str) -> PurePosixPath:
        place = self._working / text
        if ".." in place.parts:
            raise _CannotError("`..` is not followed.")
        return place


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as problem:
        raise _CannotError(f"it cannot be read: {problem}.") from None


def _listed(text: str) -> list[str] | None:
    """The words of the form that is a JSON list; None for the other one."""
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        raise _CannotError("it is no list of texts.") from None
    if not found or not all(isinstance(word, str) for word in found):
        raise _CannotError("it is no list of texts.")
    return list(found)
