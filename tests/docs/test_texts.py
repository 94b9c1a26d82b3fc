"""What people read is spelt right: no space is missing, no article is wrong, no word stands twice.

Looked at is every text of the program that has words in it, and every page.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from whiteroom.base.articles import with_article

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "examples").glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FILLED = "\x00"
"""Stands for what an f-string puts in."""

NO_VOWELS = r"(?:one|One|once|EU|is|are|and|alone|at)\b|euro"
"""Behind `a` they are no nouns, or begin with another sound."""
LETTERS = "ML|ml|SQL|XML|HTTP|MB"
"""Read one by one, the first of which begins with a vowel."""
FAULTS = {
    "a space is missing behind a sentence": re.compile(r"(?:\b[a-z]+|[)\x00])[.;?!][A-Z](?=[a-z ])"),
    "a space is missing behind a comma": re.compile(r"[a-z)],[A-Za-z]{2}"),
    "a sound of a vowel takes `an`": re.compile(rf"\b[Aa] (?=[aeioAEIO])(?!{NO_VOWELS})\w+|\b[Aa] (?=(?:{LETTERS})\b)"),
    "no sound of a vowel takes `a`": re.compile(
        r"\b[Aa]n (?=[bcdfgjkpqtvwyzBCDGJKPQTVWYZ])\w+|\b[Aa]n (?=US|UU|use|unit)\w+"
    ),
    "what is put in may begin with a vowel or not (base.articles)": re.compile(r"(?<![-'\w])[Aa]n? \x00"),
    "a word stands twice": re.compile(r"\b([A-Za-z]{2,}) \1\b"),
    "a space too many": re.compile(r"[a-z,;.]  [A-Za-z]"),
}


def problems(text: str) -> Iterator[str]:
    for what, fault in FAULTS.items():
        for found in fault.finditer(text):
            yield f"{what}: ...{text[max(0, found.start() - 30) : found.end() + 30]}..."


def docstrings(tree: ast.AST) -> set[int]:
    """The ids of the constants that are docstrings: what programmers read, who know what `ports.Store` is."""
    bodies = [body for owner in ast.walk(tree) if isinstance(body := getattr(owner, "body", None), list)]
    return {
        id(node.value)
        for body in bodies
        for node in body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def texts(source: Path) -> Iterator[tuple[int, str]]:
    """Every text of a file that has words in it, with its line."""
    tree = ast.parse(source.read_text())
    skipped = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            parts = (part.value if isinstance(part, ast.Constant) else FILLED for part in node.values)
            yield node.lineno, "".join(map(str, parts))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def is_prose(text: str) -> bool:
    """Whether a text is for people: words, and not only names in a row, SQL or a pattern."""
    return (
        bool(re.search(r"[a-z]{2,} [a-z]{2,}", text))
        and "SELECT " not in text
        and not re.search(r"\\[wdsb.]|\(\?", text)
    )


def test_every_text_of_the_program_is_spelt_right() -> None:
    found = [
        f"{source.relative_to(ROOT)}:{line}: {said}"
        for source in SOURCES
        for line, text in texts(source)
        if is_prose(text)
        for said in problems(text)
    ]
    assert not found, "\n".join(found)


def joints(source: Path) -> Iterator[tuple[int, str, str]]:
    """Where one text goes on in the next line: the end of the first part, and the beginning of the second."""
    last: tokenize.TokenInfo | None = None
    for token in tokenize.generate_tokens(io.StringIO(source.read_text()).readline):
        if token.type == tokenize.STRING:
            if last is not None:
                yield token.start[0], last.string, token.string
            last = token
        elif token.type not in (tokenize.NL, tokenize.COMMENT):
            last = None


def test_a_text_that_goes_on_in_the_next_line_has_a_space_between() -> None:
    found = []
    for place, first, second in (
        (f"{source.relative_to(ROOT)}:{line}", first, second)
        for source in SOURCES
        for line, first, second in joints(source)
    ):
        end, begin = first.rstrip("\"'")[-1:], second.lstrip("rbfRBF").lstrip("\"'")[:1]
        prose = re.search(r"[a-z]{2,} [a-z]{2,}", first) and re.search(r"[a-z]{2,} [a-z]{2,}", second)
        if prose and re.match(r"[\w.,;:?!)}`]", end) and re.match(r"[\w(`{]", begin):
            found.append(f"{place}: {first[-30:]} {second[:30]}")
    assert not found, "\n".join(found)


def prose(page: Path) -> str:
    """A page without its code, its addresses and its tables' rules."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`]*`", "`", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return re.sub(r"https?://\S+", "", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_page_is_spelt_right(page: Path) -> None:
    found = [
        f"line {number}: {said}"
        for number, line in enumerate(prose(page).splitlines(), 1)
        for said in problems(re.sub(r"^[\s|>*-]+", "", line))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("noun", "said"),
    [
        ("trained model", "a trained model"),
        ("inference job", "an inference job"),
        ("ML input channel", "an ML input channel"),
        ("ml-input-channel", "an ml-input-channel"),
        ("analysis template", "an analysis template"),
        ("user", "a user"),
        ("UUID", "a UUID"),
        ("OUTER join", "an OUTER join"),
        ("LEFT join", "a LEFT join"),
        ("SQL query", "an SQL query"),
        ("", "a "),
    ],
)
def test_an_article_goes_by_the_sound(noun: str, said: str) -> None:
    assert with_article(noun) == said


PRIVATE = re.compile(r"\((?:design|semantics)(?: [0-9]|[:,])|\bUG\b|\bAAT\b")
"""How notes that no reader has were cited; docs/sources.md has the pages that can be opened."""


@pytest.mark.parametrize("text", [*SOURCES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_cites_what_its_reader_cannot_open(text: Path) -> None:
    assert not PRIVATE.findall(text.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_was_left_in_the_midst_of_a_merge(page: Path) -> None:
    assert not re.search(r"^(?:<{7}|>{7}) ", page.read_text(), re.MULTILINE)
