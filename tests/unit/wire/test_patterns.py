from __future__ import annotations

import re
import time

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from whiteroom.wire.models import all_operations
from whiteroom.wire.patterns import S3_BUCKET, matcher


def patterns_of(shape: Shape | None, found: dict[str, int]) -> dict[str, int]:
    """Every pattern below a shape, with the greatest length of a string that it is tried on."""
    match shape:
        case StructureShape():
            for member in shape.members.values():
                patterns_of(member, found)
        case ListShape():
            patterns_of(shape.member, found)
        case MapShape():
            patterns_of(shape.key, found)
            patterns_of(shape.value, found)
        case Shape() if "pattern" in shape.metadata:
            pattern = shape.metadata["pattern"]
            found[pattern] = max(found.get(pattern, 0), shape.metadata.get("max", 4096))
    return found


PATTERNS: dict[str, int] = {}
for each in all_operations():
    patterns_of(each.input_shape, PATTERNS)

UUID = "00000000-0000-0000-0000-000000000000"
PREFIXES = (
    "",
    "s3://",
    "arn:aws:entityresolution:",
    "arn:aws:iam::1:role/",
    f"arn:aws:cleanrooms:us-east-1:123456789012:membership/{UUID}/",
    f"arn:aws:cleanrooms-ml:us-east-1:123456789012:membership/{UUID}/trained-model/",
    "https://",
)
FILLERS = ("a", "a-", "1", "1.", "a.", "-", " ", "a ", ":1", "/", "\t", "é", "idmappingworkflow/", "a:1:")
ENDS = ("", "!", "\n", "-", ".", "$")


def hostile(longest: int) -> list[str]:
    """Near misses and hits that fill the length which a pattern is tried on."""
    return [
        (prefix + filler * longest)[: longest - len(end)] + end
        for prefix in PREFIXES
        for filler in FILLERS
        for end in ENDS
    ]


@pytest.mark.parametrize("pattern", PATTERNS, ids=range(len(PATTERNS)))
def test_every_pattern_of_the_models_is_matched_in_little_time(pattern: str) -> None:
    matches = matcher(pattern)
    for text in hostile(PATTERNS[pattern]):
        began = time.thread_time()
        matches(text)
        assert time.thread_time() - began < 0.2, text


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if r"\p" not in p], ids=lambda p: p[:40])
def test_our_engines_and_pythons_agree(pattern: str) -> None:
    theirs = re.compile(pattern, re.ASCII)
    matches = matcher(pattern)
    for text in [*hostile(12), "", "a", "10.0.0.1", "my.bucket-1", "-a", "a..b", "A", "aa\n", "s3://bucket/key"]:
        assert bool(matches(text)) == bool(theirs.fullmatch(text)), text


def test_a_match_is_of_the_whole_string() -> None:
    assert matcher("[a-z]+")("abc")
    assert not matcher("[a-z]+")("abc1")
    assert not matcher("[a-z]+")("abc\n")


def test_digits_and_word_characters_are_ascii_as_in_java() -> None:
    assert not matcher(r"\d+")("\u0663")
    assert not matcher(r"(\w)+")("\u00e9")


@pytest.mark.parametrize(("name", "good"), [("my.bucket-1", True), ("10.0.0.1", False), ("a..b", False), ("-a", False)])
def test_bucket_names(name: str, good: bool) -> None:
    assert bool(matcher(S3_BUCKET)(name)) is good
    assert S3_BUCKET in PATTERNS


@pytest.mark.parametrize(("name", "good"), [("schéma_1", True), ("表", True), ("a!", False)])
def test_unicode_classes(name: str, good: bool) -> None:
    assert bool(matcher(r"[\p{L}\p{M}\p{N}\p{Pc}\p{Pd}\p{Zs}]+")(name)) is good
