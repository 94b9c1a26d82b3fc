"""Analysis templates: SQL that owners can read and approve before it runs.

Operations: operations/cleanrooms/analysis_templates.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


@dataclass(frozen=True, slots=True)
class AnalysisTemplate:
    """One template. Only its description can change: owners approve the text by its ARN."""

    id: str
    arn: str
    membership_id: str
    collaboration_id: str
    account_id: str
    name: str
    description: str | None
    format: str
    source: Mapping[str, Any]
    """AnalysisSource: `{"text": SQL}`."""
    analysis_parameters: tuple[Mapping[str, Any], ...]
    schema: Mapping[str, Any]
    """AnalysisSchema: `{"referencedTables": [...]}`."""
    error_message_configuration: Mapping[str, Any] | None
    synthetic_data_parameters: Mapping[str, Any] | None
    """SyntheticDataParameters: the output is synthetic and fills channels alone.

    What can be asked for: domain/execution/synthetic_data.py.
    """
    created_at: datetime
    updated_at: datetime


SQL = "SQL"

_SKIPPED = (
    r"""'(?:[^'\\]|\\.?)*+(?:'|\Z)"""  # a string
    r"""|"(?:[^"\\]|\\.?)*+(?:"|\Z)"""  # a string to Spark, unless it is set to ANSI
    r"""|`(?P<quoted>[^`]*+)(?:`|\Z)"""  # a quoted name
    r"""|--[^\n]*+"""  # a comment to the end of the line
    r"""|/\*.*?(?:\*/|\Z)"""  # a comment
)
_FLAGS = re.DOTALL | re.IGNORECASE | re.ASCII
_TOKENS = re.compile(rf"{_SKIPPED}|::|:(?P<placeholder>[A-Za-z_0-9]+)|(?P<word>[A-Za-z_0-9]+)", _FLAGS)
"""What a text of SQL is made of, as far as templates ask. What is left open ends with the text, so no part of a
hostile text is read twice."""


def placeholders(text: str) -> tuple[str, ...]:
    """The names of the `:name` parameters in a text of SQL, each once, in order; not those in strings or comments."""
    found = (match["placeholder"] for match in _TOKENS.finditer(text))
    return tuple(dict.fromkeys(name for name in found if name is not None))


def tables_named(text: str, table_names: Iterable[str]) -> tuple[str, ...]:
    """Which of the collaboration's tables a text of SQL names, judged by its words.

    A text may have 500,000 characters and be written to take long: it is read once, and only names make a match.
    """
    names = tuple(table_names)
    if not names:
        return ()
    words = "|".join(sorted((re.escape(name) for name in names), key=len, reverse=True))
    found = re.finditer(rf"{_SKIPPED}|(?<![A-Za-z_0-9:])(?P<word>{words})(?![A-Za-z_0-9])", text, _FLAGS)
    named = {(match["word"] or match["quoted"] or "").lower() for match in found}
    return tuple(name for name in names if name.lower() in named)


def errors_fit(error_message_configuration: Mapping[str, Any] | None) -> Verdict:
    """Whether errors can be shown as the template asks. The one type, DETAILED, is for PySpark."""
    if error_message_configuration is None:
        return ALLOWED
    return Denied(
        "errorMessageConfiguration goes with PySpark templates, which are not run here. Leave it out: a query's error "
        "names no value of a row."
    )


def template_fits(
    analysis_format: str,
    source: Mapping[str, Any],
    parameters: Sequence[Mapping[str, Any]],
) -> Verdict:
    """Whether a template is SQL whose text and declared parameters agree."""
    if analysis_format != SQL:
        return Denied(f"Templates of format {analysis_format} are not run here. Use format SQL with source.text.")
    text = source.get("text", "")
    if not text.strip():
        return Denied("A template of format SQL takes its query in source.text.")
    declared = [parameter["name"] for parameter in parameters]
    twice = sorted({name for name in declared if declared.count(name) > 1})
    if twice:
        return Denied(f"analysisParameters declares {twice[0]} more than once.")
    used = placeholders(text)
    undeclared = [name for name in used if name not in declared]
    if undeclared:
        return Denied(f"The text uses :{undeclared[0]}, which analysisParameters does not declare. Declare its type.")
    unused = [name for name in declared if name not in used]
    if unused:
        return Denied(f"analysisParameters declares {unused[0]}, which the text does not use as :{unused[0]}.")
    return ALLOWED
