"""Which files a table consists of, and what they are."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from whiteroom.base.real_paths import NotOpened, held_open, link_to
from whiteroom.catalog.looking import MAGIC, files_in, files_of_pattern, looking
from whiteroom.domain.privacy.query_tables import FileFormat
from whiteroom.domain.privacy.readings import ENCODINGS
from whiteroom.packing import CannotUnpack, packing_of, packing_of_file, unpacked, unpacked_name
from whiteroom.ports.catalog import TABLES, UnusableFiles

_EXTENSIONS = {
    ".csv": FileFormat.CSV,
    ".jsonl": FileFormat.JSON_LINES,
    ".ndjson": FileFormat.JSON_LINES,
    ".json": FileFormat.JSON_LINES,
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
}
_PARQUET_MAGIC = b"PAR1"
_BEGINNINGS: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b"<",), "an HTML or XML document"),
    ((b"%PDF-", b"%!PS", b"{\\rtf"), "a document"),
    ((b"#!",), "a program"),
    ((b"\x7fELF", b"MZ\x90"), "a program"),
    ((b"PK\x03\x04",), "a ZIP archive or a spreadsheet"),
    ((b"\xfd7zXZ", b"\x1f\x9d", b"\x04\x22\x4d\x18"), "compressed in another way than gzip, zstd or bzip2"),
    ((b"SQLite format 3",), "a database"),
    ((b"ORC", b"Obj\x01", b"ARROW1"), "a file of ORC, Avro or Arrow"),
    ((b"\x89PNG", b"\xff\xd8\xff", b"GIF8"), "a picture"),
)
"""How files begin that look like tables and are none."""
_SAMPLE_BYTES = 4_096
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZEROS, _NO_ZEROS = 0.6, 0.05
"""Which part of the bytes at even places, or of those at odd ones, are zeros in UTF-16, and of the others are not."""


@looking()
def expand(sources: Sequence[str]) -> tuple[str, ...]:
    """The regular files that files, folders and glob patterns mean now, ordered by path.

    In a folder, names that begin with a dot or an underscore are passed over, as Spark and Glue do. A link in it is
    followed to another of its files, and none to a folder. The sources themselves are real paths: whoever adds a table
    resolves them once.

    Raises:
        UnusableFiles: a source means no file, a file is empty or cannot be read, or a folder cannot be looked at.
        OSError: the machine is at fault (base/machine_errors.py).
    """
    files: set[str] = set()
    for source in sources:
        path = Path(source)
        if path.is_dir():
            folder, found = path, files_in(path)
        elif path.is_file():
            folder, found = path, [path]
        else:
            folder = folder_of(source)
            found = _matching(folder, source)
        if not found:
            wrong = "holds no file" if path.exists() or MAGIC & set(source) else "is not there"
            raise UnusableFiles(f"{source} {wrong}. Give a file, a folder with files, or a pattern that fits some.")
        files.update(real_paths(found, folder))
    if not files:
        raise UnusableFiles("No file is named. Give at least one file, folder or pattern.")
    ordered = sorted(files)
    for file in ordered:
        _require_text(file)
        if not os.access(file, os.R_OK):
            raise UnusableFiles(f"{file} cannot be read. Let the user that runs the server read it.")
        if Path(file).stat().st_size == 0:
            raise UnusableFiles(f"{file} is empty: it has no header and no schema. Remove it or fill it.")
    return tuple(ordered)


def _require_text(file: str) -> None:
    try:
        file.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(file).decode("ascii", "backslashreplace")
        raise UnusableFiles(f"{shown} has a name that is not UTF-8. Rename it.") from None


def _matching(folder: Path, source: str) -> list[Path]:
    """The files that a pattern means."""
    pattern = Path(source).relative_to(folder).parts if Path(source).is_relative_to(folder) else ()
    if not any(MAGIC & set(part) for part in pattern) or not folder.is_dir():
        return []
    return files_of_pattern(folder, (*pattern, "*") if pattern[-1] == "**" else pattern)


def folder_of(source: str) -> Path:
    """The folder in which a source looks for files: itself, or what comes before a pattern."""
    parts = Path(source).parts
    path = Path(*parts[: _first_magic(parts)])
    return path if path.is_dir() else path.parent


def absolute_of(source: str) -> str:
    """A source that means the same from any working directory, with the links above a pattern followed."""
    parts = Path(source).expanduser().absolute().parts
    plain = len(parts) if Path(*parts).exists() else _first_magic(parts)
    return str(Path(os.path.realpath(Path(*parts[:plain]))).joinpath(*parts[plain:]))


def _first_magic(parts: Sequence[str]) -> int:
    return next((index for index, part in enumerate(parts) if MAGIC & set(part)), len(parts))


def real_paths(files: Iterable[Path], folder: Path) -> Iterator[str]:
    """The paths of files once links are followed, each in the folder whose files they are said to be, or the folder.

    Who may write there could else name any file of the machine. Nothing is asked of a path twice: what is answered
    is in the folder whatever becomes of the files, as long as it is opened through no link (base/real_paths.py).

    Raises:
        UnusableFiles: a link leads out of the folder, or it became a link itself.
    """
    require_real(folder)
    for file in files:
        real = os.path.realpath(file)
        if not Path(real).is_relative_to(folder.absolute()):
            raise UnusableFiles(f"{file} is a link that leads out of {folder}. Add what it leads to by its own name.")
        yield real


def require_real(path: Path) -> None:
    """Whether a path is still without links, as it was when its table was added.

    Raises:
        UnusableFiles: it is not.
    """
    if os.path.realpath(path) != str(path.absolute()):
        raise UnusableFiles(
            f"{path} became a link, or a folder above it did. Put the files themselves there, or add the table again."
        )


def find_format(files: Sequence[str], encoding: str = "") -> FileFormat:
    """The format that all files have, by their extensions, or by their first bytes where those say nothing.

    Args:
        files: absolute paths.
        encoding: of their text, of readings.ENCODINGS; empty for UTF-8.

    Raises:
        UnusableFiles: they differ, or a file is none of the formats.
    """
    formats = []
    for file in files:
        try:
            formats.append(_format_of(file, encoding))
        except UnusableFiles as error:
            raise UnusableFiles(str(error), file) from None
        if formats[-1] is not formats[0]:
            one, other = formats[0].value, formats[-1].value
            raise UnusableFiles(f"{files[0]} is {one} and {file} is {other}; a table has one format.", file)
    return formats[0]


def _format_of(file: str, encoding: str) -> FileFormat:
    packed = _start(file)
    if packed.startswith(_PARQUET_MAGIC):
        return FileFormat.PARQUET
    start = _in_utf_8(file, packed, encoding)
    known = _EXTENSIONS.get(unpacked_name(Path(file)).suffix.lower())
    for beginnings, what in _BEGINNINGS:
        if start.lstrip().startswith(beginnings):
            raise UnusableFiles(f"{file} is {what}, and no table. {TABLES}")
    if known is FileFormat.PARQUET or b"\0" in start:
        raise UnusableFiles(f"{file} is not a Parquet file, nor text. {TABLES}")
    is_object = start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{")
    if known is FileFormat.JSON_LINES and not is_object:
        raise UnusableFiles(f'{file} is no table: each line of JSON lines is an object, such as {{"age": 50}}.')
    return known or (FileFormat.JSON_LINES if is_object else FileFormat.CSV)


def _start(file: str) -> bytes:
    """How a file begins, unpacked.

    Raises:
        UnusableFiles: it is packed, and damaged or empty.
    """
    try:
        with held_open([file]) as [handle]:
            itself = Path(link_to(handle))
            with unpacked(itself) as stream:
                start = stream.read(_SAMPLE_BYTES)
            is_packed = packing_of_file(itself) is not None
    except CannotUnpack as error:
        raise UnusableFiles(f"{file} cannot be read: {error}.") from None
    except NotOpened as error:
        raise UnusableFiles(f"{file} {error}.") from None
    if is_packed and not start:
        raise UnusableFiles(f"{file} is empty: it has no header and no schema. Remove it or fill it.")
    if is_packed and (start.startswith(_PARQUET_MAGIC) or packing_of(start)):
        raise UnusableFiles(f"{file} holds a packed file. Unpack it once. {TABLES}")
    return start


def _in_utf_8(file: str, start: bytes, encoding: str) -> bytes:
    """How a text begins, in UTF-8.

    Raises:
        UnusableFiles: it is in another encoding, as far as can be seen.
    """
    found = _utf_16(start)
    said = encoding.startswith("utf-16")
    if found and not said:
        raise UnusableFiles(f"{file} is text in UTF-16: say --encoding {found}, or write it in UTF-8.")
    if encoding and start.startswith(codecs.BOM_UTF8):
        raise UnusableFiles(f"{file} is text in UTF-8, as its first bytes say, and not in {encoding}.")
    if said and not found.startswith(encoding) and not start.startswith(_UTF_16_MARKS):
        raise UnusableFiles(f"{file} is not text in {encoding} as far as can be seen. {_ORDERS}")
    return start.decode(ENCODINGS[encoding], "ignore").encode() if encoding else start


_ORDERS = "utf-16 begins with a byte order mark; without one it is utf-16-le or utf-16-be."


def _utf_16(start: bytes) -> str:
    """The encoding of a text that looks like UTF-16; empty of any other."""
    if start.startswith(_UTF_16_MARKS):
        return "utf-16"
    half = max(len(start) // 2, 1)
    even, odd = start[::2].count(0) / half, start[1::2].count(0) / half
    if max(even, odd) < _ZEROS or min(even, odd) > _NO_ZEROS:
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"
