"""The grammar of OpenMetrics 1.0, as Prometheus's own parser has it: asserts whatever the specification says."""

from __future__ import annotations

import re
from typing import Any

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_TEXT = r'(?:[^"\\\n]|\\["\\n])*'
_METADATA = re.compile(rf"# (TYPE|UNIT|HELP) ({_NAME}) ((?:[^\"\\\n]|\\[\"\\n])*)")
_LABEL = rf'[a-zA-Z_][a-zA-Z0-9_]*="{_TEXT}"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\S+)")
_SUFFIXES = {
    "counter": {"_total"},
    "gauge": {""},
    "info": {"_info"},
    "histogram": {"_bucket", "_count", "_sum"},
}


def parsed(text: bytes) -> dict[str, dict[tuple[str, frozenset[tuple[str, str]]], float]]:
    """Every family's samples by suffix and labels. Asserts whatever the specification says must be so."""
    *lines, end, nothing = text.decode().split("\n")
    assert (end, nothing) == ("# EOF", "")
    families: dict[str, Any] = {}
    types: dict[str, str] = {}
    current, units = "", {}
    for line in lines:
        metadata = _METADATA.fullmatch(line)
        if metadata:
            kind, name, said = metadata.groups()
            assert name == current or name not in families, "families are not mixed"
            if kind == "TYPE":
                current, types[name], families[name] = name, said, {}
            assert not families[name], "what is said of a family stands before its samples"
            if kind == "UNIT":
                assert name.endswith(f"_{said}")
                units[name] = said
            continue
        sample = _SAMPLE.fullmatch(line)
        assert sample, line
        name, labels, value = sample.groups()
        assert name.startswith(current)
        suffix = name.removeprefix(current)
        assert suffix in _SUFFIXES[types[current]], line
        pairs = re.findall(rf'([a-zA-Z_]\w*)="({_TEXT})"', labels or "")
        assert len({key for key, _ in pairs}) == len(pairs)
        key = (suffix, frozenset(pairs))
        assert key not in families[current], "no sample twice"
        families[current][key] = float(value)
    return families
