"""The skeleton of a resource of a membership, as AWS's service model has it.

    make new-resource NAME=IdNamespaceAssociation

Writes its record, its operations, its migration, its rows of roles and tags, and a test of it, and says what is left to
decide. What it writes is checked against the service model by its test: a member that an answer must have and the
skeleton cannot know of makes the test fail, with the member's name.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any

import botocore.session
from botocore import xform_name

ROOT = Path(__file__).parents[1]
TEMPLATES = Path(__file__).parent / "scaffold"
MODEL: Any = botocore.session.get_session().get_service_model("cleanrooms")
_TYPES = {"structure": "Mapping[str, Any]", "map": "Mapping[str, Any]", "list": "tuple[Any, ...]", "boolean": "bool",
          "integer": "int", "long": "int", "double": "float", "float": "float"}  # fmt: skip
_KNOWN = {
    "id",
    "arn",
    "membershipId",
    "membershipArn",
    "collaborationId",
    "collaborationArn",
    "createTime",
    "updateTime",
}
"""Members of an answer that every resource of a membership has."""
_EXAMPLES: dict[str, Any] = {"structure": {}, "map": {}, "list": [], "boolean": True, "integer": 1, "long": 1}


class Unfit(Exception):
    """No skeleton can be made. The message says why."""


@dataclass(frozen=True)
class Resource:
    """One resource of the service model."""

    name: str

    def __post_init__(self) -> None:
        for verb, suffix in (("Create", ""), ("Get", ""), ("List", "s"), ("Update", ""), ("Delete", "")):
            if f"{verb}{self.name}{suffix}" not in MODEL.operation_names:
                raise Unfit(f"AWS Clean Rooms has no {verb}{self.name}{suffix}. Write this resource by hand.")
        for member in ("membershipIdentifier", "name"):
            if member not in self.request.members:
                raise Unfit(f"Create{self.name} takes no {member}. Write this resource by hand.")

    @property
    def request(self) -> Any:
        """The input shape of its Create."""
        return MODEL.operation_model(f"Create{self.name}").input_shape

    @cached_property
    def fields(self) -> dict[str, str]:
        """The members of its Create that are kept, and the type of each."""
        found = {}
        for member, shape in self.request.members.items():
            if member in {"membershipIdentifier", "tags"}:
                continue
            kind = _TYPES.get(shape.type_name, "str")
            required = member in self.request.required_members
            found[member] = kind if required else f"{kind} | None"
        return found

    @property
    def missing(self) -> list[str]:
        """What an answer must have and the request does not say."""
        return sorted(set(MODEL.shape_for(self.name).required_members) - _KNOWN - self.fields.keys())

    @property
    def plural(self) -> str:
        """The name of its files, and of its repository."""
        return xform_name(self.name) + "s"

    def values(self) -> dict[str, str]:
        """What the templates ask for."""
        words = xform_name(self.name).replace("_", " ")
        get = MODEL.operation_model(f"Get{self.name}")
        (key,) = get.output_shape.members
        (identifier,) = (member for member in get.input_shape.members if member != "membershipIdentifier")
        listed = MODEL.operation_model(f"List{self.name}s").output_shape
        (list_key,) = (member for member in listed.members if member != "nextToken")
        shown = [member for member in self.fields if member in MODEL.shape_for(self.name).members]
        summary = listed.members[list_key].member.members
        changed = [m for m in MODEL.operation_model(f"Update{self.name}").input_shape.members if m in self.fields]
        return {
            "Name": self.name,
            "one": xform_name(self.name),
            "plural": self.plural,
            "words": words,
            "Words": words.capitalize(),
            "snake_words": words.replace(" ", "_"),
            "a": "an" if words[0] in "aeiou" else "a",
            "KIND": xform_name(self.name).upper(),
            "segment": self.name.lower(),
            "key": key,
            "list_key": list_key,
            "identifier": identifier,
            "fields": "\n".join(f"    {xform_name(name)}: {kind}" for name, kind in self.fields.items()),
            "made": "\n".join(f"        {xform_name(name)}={self._taken(name)}," for name in self.fields),
            "in_summary": _shown([member for member in shown if member in summary]),
            "in_document": _shown([member for member in shown if member not in summary]),
            "changed": ", ".join(f'"{name}": "{xform_name(name)}"' for name in changed),
            "request": "\n".join(f'        "{name}": {example!r},' for name, example in self._example().items()),
        }

    def _taken(self, member: str) -> str:
        taken = f'request["{member}"]' if "None" not in self.fields[member] else f'request.get("{member}")'
        return f"tuple({taken} or ())" if self.fields[member].startswith("tuple") else taken

    def _example(self) -> dict[str, Any]:
        required = [member for member in self.request.required_members if member in self.fields]
        return {member: _example_of(self.request.members[member]) for member in required}


def _example_of(shape: Any) -> Any:
    """A value that the shape allows."""
    if shape.type_name == "structure":
        names = shape.required_members or list(shape.members)[: int(shape.is_tagged_union)]
        return {name: _example_of(shape.members[name]) for name in names}
    if shape.type_name == "list":
        return [_example_of(shape.member)] * shape.metadata.get("min", 0)
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "example"
    return _EXAMPLES.get(shape.type_name, 1)


def _shown(members: list[str]) -> str:
    return "\n".join(f'        "{name}": record.{xform_name(name)},' for name in members)


def write(resource: Resource, root: Path) -> list[Path]:
    """Write the skeleton into a tree; the files that are new."""
    values, package = resource.values(), root / "src" / "whiteroom"
    files = {
        package / "domain/resources" / f"{resource.plural}.py": "record",
        package / "operations/cleanrooms" / f"{resource.plural}.py": "operations",
        root / "tests/unit/operations/cleanrooms" / f"test_{resource.plural}.py": "test",
    }
    for file, template in files.items():
        if file.exists():
            raise Unfit(f"{file} is there already.")
        file.write_text(Template((TEMPLATES / f"{template}.txt").read_text()).substitute(values))
    _declare(resource, package / "ports/transaction.py")
    _allow(resource, package / "domain/resources/permissions.py")
    tag = f'    (CLEANROOMS, "{values["segment"]}"): lambda tx: tx.{resource.plural},\n'
    _insert(package / "operations/tags.py", '    (CLEANROOMS_ML, "configured-model-algorithm")', tag)
    return [*files, _migration(resource, root)]


def _insert(file: Path, before: str, text: str) -> None:
    source = file.read_text()
    if source.count(before) != 1:
        raise Unfit(f"{file} has not one line with {before!r} any more: mend tools/new_resource.py.")
    file.write_text(source.replace(before, text + before))


def _declare(resource: Resource, file: Path) -> None:
    where = f"from whiteroom.domain.resources.{resource.plural} import {resource.name}\n"
    _insert(file, "from whiteroom.domain.resources.memberships import", where)
    searches = '("membership_id",), ("collaboration_id",), unique=(("membership_id", "name"),)'
    declared = f"    {resource.plural} = records(\n        {resource.name}, {searches}\n    )\n"
    _insert(file, "    ml_configurations = records(", declared)


def _allow(resource: Resource, file: Path) -> None:
    rows = {"READ": f"Get{resource.name} List{resource.name}s",
            "ADMINISTER": f"Create{resource.name} Update{resource.name} Delete{resource.name}"}  # fmt: skip
    source = file.read_text()
    for kind, names in rows.items():
        head = f'    ("cleanrooms", Kind.{kind}): """\n'
        source = source.replace(head, f"{head}        {names}\n")
    file.write_text(source)


_ASK_FOR_STATEMENTS = """
import sys
sys.path.insert(0, {sources!r})
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from whiteroom.store.tables import RECORDS
table = RECORDS[{name!r}].table
for made in (CreateTable(table), *map(CreateIndex, sorted(table.indexes, key=lambda index: index.name))):
    text = str(made.compile(dialect=sqlite.dialect())).strip()
    print(text.replace(", \\n", ",\\n").replace("\\t", "    "), end="\\0")
"""


def _migration(resource: Resource, root: Path) -> Path:
    """What makes the table, as the declaration has it now."""
    folder = root / "src/whiteroom/store/migrations"
    head = re.search(r'^HEAD = "(\d+)"', (folder / "__init__.py").read_text(), re.MULTILINE)
    if head is None:
        raise Unfit(f"{folder} names no HEAD any more: mend tools/new_resource.py.")
    revision = f"{int(head[1]) + 1:04d}"
    asked = _ASK_FOR_STATEMENTS.format(sources=str(root / "src"), name=resource.plural)
    command = [sys.executable, "-c", asked]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")[:-1]
    statements = "\n".join(f'    op.execute("""\n{statement}\n""")' for statement in made)
    values = {"Words": resource.values()["Words"], "revision": revision, "before": head[1], "statements": statements}
    file = folder / "versions" / f"{revision}_{resource.plural}.py"
    file.write_text(Template((TEMPLATES / "migration.txt").read_text()).substitute(values))
    init = folder / "__init__.py"
    init.write_text(init.read_text().replace(head[0], f'HEAD = "{revision}"'))
    return file


def main(name: str) -> int:
    """Write it into this tree; 1, and a sentence, where that cannot be."""
    try:
        resource = Resource(name)
        made = write(resource, ROOT)
    except Unfit as error:
        print(error, file=sys.stderr)
        return 1
    ruff = str(Path(sys.executable).parent / "ruff")
    subprocess.run([ruff, "check", "--quiet", "--fix", "src", "tests"], cwd=ROOT, check=False)
    subprocess.run([ruff, "format", "--quiet", "src", "tests"], cwd=ROOT, check=True)
    print("\n".join(["Written:", *(f"  {file.relative_to(ROOT)}" for file in made)]))
    print("Rows are added in ports/transaction.py, domain/resources/permissions.py and operations/tags.py.")
    if resource.missing:
        print(f"Say in _summary or _document how these come about: {', '.join(resource.missing)}.")
    print(
        "Then the rules (domain/resources/), and the rows of members and of the matrix, which these ask for:\n"
        f"  .venv/bin/python -m pytest tests/unit/operations/cleanrooms/test_{resource.plural}.py tests/unit/store\n"
        "  .venv/bin/python -m pytest tests/contract/test_matrix.py tests/contract/api tests/unit/operations; make docs"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
