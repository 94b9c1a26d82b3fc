"""Local images: a folder of code and a virtual environment, named, content-addressed and read-only.

    IMAGES/names.json                 name -> digest
    IMAGES/names.lock                 held while names.json is changed
    IMAGES/sha256-HEX/{code,image.json}
    IMAGES/env-HEX                    an environment, shared by images of the same requirements (kept.py)
    IMAGES/sha256-HEX.lock            held (shared) by every run that uses the image
    IMAGES/.building-*                a build under way; a leftover one counts for nothing

The digest covers the code (paths, contents, the executable bit), the requirements' text, the
installed distributions (their RECORDs), the Python version and machine, the entrypoint and the commands.
"""

from __future__ import annotations

import fcntl
import json
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from whiteroom.base.trees import remove_tree
from whiteroom.ports.runtime import ImageNotFound
from whiteroom.runtime.contract import CODE, ROLES
from whiteroom.runtime.images import environments, kept
from whiteroom.runtime.images.dockerfile import LineRefusedError, Recipe, follow
from whiteroom.runtime.images.locks import lock_of, locked, remove_unless_held
from whiteroom.runtime.images.texts import as_pip_reads
from whiteroom.runtime.trees import BadFolder, copy_tree, digest_tree, make_read_only

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}")
_DEFAULT_TAG = "latest"


class ImageRefused(Exception):
    """The image cannot be built from that. The message says what to change."""


@dataclass(frozen=True, slots=True)
class Image:
    """One local image."""

    name: str
    digest: str
    """`sha256:HEX`."""
    folder: Path
    """Holds `code`."""
    environment: Path
    """What is at /opt/venv."""
    entrypoint: tuple[str, ...]
    commands: Mapping[str, tuple[str, ...]]
    """By `train` and `serve`: what does it, as it stands, where that is not the entrypoint."""
    variables: Mapping[str, str]
    """What the program sees besides what every program does, and as far as nothing else says it."""
    requirements: str
    python: str
    """Version of the interpreter that it runs on."""
    python_prefix: Path
    """Where that interpreter lives on this machine."""
    created_at: datetime

    @property
    def code(self) -> Path:
        """What is at /opt/ml/code."""
        return self.folder / "code"

    def program(self, role: str) -> tuple[str, ...]:
        """The command that trains (`train`) or serves (`serve`)."""
        return self.commands.get(role) or (*self.entrypoint, role)


_NO_COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {}


def _silent(_: str) -> None:
    return


class Images:
    """The local images below one folder. Several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(
        self,
        name: str,
        source: Path,
        *,
        requirements: Path | None = None,
        entrypoint: tuple[str, ...] = (),
        dockerfile: Path | None = None,
        commands: Mapping[str, tuple[str, ...]] = _NO_COMMANDS,
        fresh: bool = False,
        progress: Callable[[str], None] = _silent,
    ) -> Image:
        """Make an image of a folder and give it a name, which it takes from any other image.

        Args:
            name: `NAME[:TAG]`; may be a whole registry URI.
            source: becomes /opt/ml/code.
            requirements: a pip requirements file.
            entrypoint: the command that `train` or `serve` is appended to; without it they are found on PATH.
            dockerfile: says what is copied of `source`, and requirements, entrypoint and variables.
            commands: by `train` and `serve`, what does it, with nothing appended.
            fresh: whether the requirements are installed anew though an image has the same.
            progress: takes a line at a time of what is being done.

        Raises:
            ImageRefused: the name, the folder or the requirements cannot be used.
        """
        name = canonical_name(name)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        recipe = Recipe(_text(requirements), entrypoint)
        with self._building() as building:
            try:
                progress(f"Copying {source}")
                if dockerfile is None:
                    copy_tree(source, building / "code")
                else:
                    recipe = follow(_text(dockerfile), source, building / "code")
                text = recipe.requirements
                with kept.environment(self._folder, text, self._building, progress, fresh=fresh) as environment:
                    roles = _commands(building / "code", environment, recipe.entrypoint, commands)
                    digest = self._finish(building, environment, recipe, roles)
                    with self._changing() as names:
                        self._rename(building, digest)
                        names[name] = digest
            except (BadFolder, LineRefusedError, environments.EnvironmentFailed) as problem:
                raise ImageRefused(str(problem)) from None
        progress(f"Built {name} ({digest})")
        return self.show(name)

    def list(self) -> list[Image]:
        """Every named image, by name."""
        return [self._image(name, digest) for name, digest in sorted(self._names().items())]

    def show(self, name: str) -> Image:
        """The image that a name, or a digest, means.

        Raises:
            ImageNotFound: nothing here has that name.
        """
        if name.startswith("sha256:"):
            return self.by_digest(name)
        digest = self._names().get(canonical_name(name)) if _NAME.fullmatch(name) else None
        if digest is None:
            raise ImageNotFound(
                f"There is no local image {name}. Build one with `whiteroom images build {name} FOLDER`."
            )
        return self._image(canonical_name(name), digest)

    def by_digest(self, digest: str) -> Image:
        """The image with these contents, whether or not it still has a name.

        Raises:
            ImageNotFound: it is not here.
        """
        return self._image("", digest)

    def remove(self, name: str) -> bool:
        """Take a name away, and the contents with it unless another name or a run needs them.

        Returns:
            Whether the contents are gone too; if not, a later build or removal takes them
            once nothing needs them.

        Raises:
            ImageNotFound: nothing here has that name.
        """
        image = self.show(name)
        with self._changing() as names:
            names.pop(image.name, None)
        self._sweep()
        return not image.folder.exists()

    @contextmanager
    def _building(self) -> Iterator[Path]:
        """A folder to build in, made and locked while nobody sweeps: no other build takes it for a leftover."""
        with ExitStack() as held:
            with locked(self._folder / "names.lock", fcntl.LOCK_EX):
                building = Path(tempfile.mkdtemp(prefix=".building-", dir=self._folder))
                lock = held.enter_context(locked(lock_of(building), fcntl.LOCK_EX))
            try:
                yield building
            finally:
                remove_tree(building)
                lock.unlink(missing_ok=True)

    def _finish(
        self, building: Path, environment: Path, recipe: Recipe, commands: Mapping[str, tuple[str, ...]]
    ) -> str:
        base = environments.base()
        parts: dict[str, object] = {
            "code": digest_tree(building / "code"),
            "requirements": recipe.requirements,
            "installed": environments.identity(environment),
            "python": base.identity,
            "entrypoint": list(recipe.entrypoint),
        }
        if commands:
            parts["commands"] = {role: list(command) for role, command in commands.items()}
        if recipe.variables:
            parts["variables"] = recipe.variables
        digest = environments.sha256(json.dumps(parts, sort_keys=True).encode())
        facts = {
            "environment": environment.name,
            "entrypoint": list(recipe.entrypoint),
            "commands": {role: list(command) for role, command in commands.items()},
            "variables": recipe.variables,
            "requirements": recipe.requirements,
            "python": base.version,
            "python_prefix": str(base.prefix),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        (building / "image.json").write_text(json.dumps(facts, indent=1))
        make_read_only(building)
        return f"sha256:{digest}"

    def _rename(self, building: Path, digest: str) -> None:
        place = self._place(digest)
        lock_of(place).touch(mode=0o644)
        # A folder can be renamed only by who may write to it.
        building.chmod(0o755)
        try:
            building.rename(place)
        except OSError:
            if not place.is_dir():
                raise
            # The same contents are here already.
        place.chmod(0o555)

    def _place(self, digest: str) -> Path:
        return self._folder / digest.replace(":", "-")

    def _image(self, name: str, digest: str) -> Image:
        folder = self._place(digest)
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise ImageNotFound(f"{digest[:100]!r} is no image digest.")
        try:
            facts = json.loads((folder / "image.json").read_text())
        except FileNotFoundError:
            raise ImageNotFound(f"The image {name or digest} has been removed; build it again.") from None
        return Image(
            name=name,
            digest=digest,
            folder=folder,
            # An earlier release kept it in the image's own folder.
            environment=self._folder / facts["environment"] if "environment" in facts else folder / "env",
            entrypoint=tuple(facts["entrypoint"]),
            commands={role: tuple(command) for role, command in facts.get("commands", {}).items()},
            variables=facts.get("variables", {}),
            requirements=facts["requirements"],
            python=facts["python"],
            python_prefix=Path(facts["python_prefix"]),
            created_at=datetime.fromisoformat(facts["created_at"]),
        )

    def _names(self) -> dict[str, str]:
        try:
            return dict(json.loads((self._folder / "names.json").read_text()))
        except FileNotFoundError:
            return {}

    @contextmanager
    def _changing(self) -> Iterator[dict[str, str]]:
        """The index, to be changed by one process at a time and written whole."""
        with locked(self._folder / "names.lock", fcntl.LOCK_EX):
            names = self._names()
            yield names
            new = self._folder / "names.json.new"
            new.write_text(json.dumps(names, indent=1, sort_keys=True))
            new.rename(self._folder / "names.json")

    def _sweep(self) -> None:
        """Delete what no name, no run and no build holds."""
        if not self._folder.is_dir():
            return
        with locked(self._folder / "names.lock", fcntl.LOCK_EX):
            wanted = {self._place(digest).name for digest in self._names().values()}
            for place in list(self._folder.iterdir()):
                is_ours = place.name.startswith((".building-", "sha256-")) and place.is_dir()
                if is_ours and place.name not in wanted:
                    remove_unless_held(place)
            kept.sweep(self._folder)


def canonical_name(name: str) -> str:
    """The name with its tag: `churn` is `churn:latest`.

    Raises:
        ImageRefused: it cannot be an image's name.
    """
    if not _NAME.fullmatch(name):
        raise ImageRefused(f"{name[:100]!r} cannot be an image's name: use letters, digits and . _ - / : @.")
    last = name.rsplit("/", 1)[-1]
    return name if ":" in last or "@" in last else f"{name}:{_DEFAULT_TAG}"


def facts(image: Image) -> Mapping[str, str]:
    """What `whiteroom images show` prints, in order."""
    return {
        "name": image.name,
        "digest": image.digest,
        "entrypoint": " ".join(image.entrypoint) or "(train or serve on PATH)",
        **{role: " ".join(command) for role, command in image.commands.items()},
        **(
            {"variables": shlex.join(f"{name}={value}" for name, value in image.variables.items())}
            if image.variables
            else {}
        ),
        "python": image.python,
        "created": image.created_at.isoformat(),
        "requirements": image.requirements.strip() or "(none)",
    }


def _commands(
    code: Path, environment: Path, entrypoint: tuple[str, ...], asked: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """What was asked for; else, where nothing is called `train`, Python with `train.py`, and so for `serve`."""
    found = {}
    for role in ROLES:
        script = f"{role}.py"
        programs = (code / role, environment / "bin" / role)
        if command := asked.get(role):
            found[role] = command
        elif not entrypoint and (code / script).is_file() and not any(program.exists() for program in programs):
            found[role] = ("python", str(CODE / script))
    return found


def _text(path: Path | None) -> str:
    try:
        return "" if path is None else as_pip_reads(path.read_bytes())
    except (OSError, UnicodeError, LookupError) as problem:
        raise ImageRefused(f"{path} cannot be read: {problem}.") from None


def free_bytes(folder: Path) -> int:
    """Room left where images and runs are kept."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
