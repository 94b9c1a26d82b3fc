"""What a member may read of what a program wrote: the log policies of an association, applied to one account.

The documented part (AWS: docs/sources.md, custom-model-logs, LogsConfigurationPolicy): a policy names accounts, may
filter lines by a regular expression, gives all lines or a summary of errors, and may redact. The rest is
docs/decisions/0015-what-members-read.md:

- A member reads a line if any policy that names its account lets the line through.
- It is masked by every policy that names the account, also by those that do not let it through: what one
  of them hides, another does not show.
- The filter sees the program's line, not the masked one. A member's own search sees the masked one alone
  (domain/observability/filter_patterns.py): else it could ask for what is masked, guess by guess.
- A policy that asks for a redaction that this server cannot do shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from whiteroom.domain.execution.runs import LogLine
from whiteroom.domain.privacy.policies import LogPolicy, LogType, log_policies_for
from whiteroom.domain.privacy.redaction import Finder, cleaned, hidden

LINE_CHARACTERS = 8_192
"""How much of one line members read. The runtime keeps more, so that what is at the cut is recognised whole."""
_KEPT_LINE_CHARACTERS = 1 << 16
"""A line of this length may have been cut by the runtime."""
FAILURE_CHARACTERS = 1024
"""How much of a failure file becomes statusDetails.message (docs/sources.md, custom-model-guidelines)."""
_KEPT_FAILURE_CHARACTERS = 4096
"""A failure text of this length may have been cut by the runtime."""
_UNSURE_CHARACTERS = 512
"""How much is left out at the end of a text that the runtime has cut: half a number cannot be recognised as one."""

SUMMARY_LOOK_BACK_LINES = 2_000
"""How far back from a failed run's last line its error summary is looked for."""
SUMMARY_LINES = 20
"""How many of the last lines of stderr it has of each instance; more where a traceback begins before them."""
_TRACEBACK = "Traceback (most recent call last)"

_FAILURE_NOT_SHOWN = "The program's own words are not shown: {}"


@dataclass(frozen=True, slots=True)
class Reading:
    """How one account reads the log of one run."""

    policies: tuple[LogPolicy, ...]
    """Every policy that names the account; at least one."""

    @property
    def whole(self) -> bool:
        """Whether the account may read any line of the log; otherwise only the summary's."""
        return any(policy.log_type is LogType.ALL for policy in self.policies)

    @property
    def summary(self) -> bool:
        """Whether the account may read the error summary."""
        return any(policy.log_type is LogType.ERROR_SUMMARY for policy in self.policies)


def reading_of(account_id: str, policies: Iterable[LogPolicy]) -> Reading | None:
    """How the account reads a log under these policies; None where it does not."""
    own = log_policies_for(account_id, policies)
    return Reading(own) if own else None


def redacted_line(text: str, reading: Reading, finder: Finder, *, in_summary: bool) -> str | None:
    """A line as the account reads it; None where it may not.

    Args:
        text: what the program wrote, whole.
        reading: whose eyes it is for.
        finder: matches expressions.
        in_summary: whether the line belongs to the run's error summary.
    """
    line = _cleaned(text, _KEPT_LINE_CHARACTERS)
    if not line.strip():
        return None
    if not any(_lets_through(policy, line, finder, in_summary=in_summary) for policy in reading.policies):
        return None
    return hidden(line, reading.policies, LINE_CHARACTERS, finder)


def _cleaned(text: str, kept_characters: int) -> str:
    seen = cleaned(text)
    return seen if len(text) < kept_characters else seen[:-_UNSURE_CHARACTERS]


def _lets_through(policy: LogPolicy, line: str, finder: Finder, *, in_summary: bool) -> bool:
    if policy.log_type is LogType.ERROR_SUMMARY and not in_summary:
        return False
    return policy.filter_pattern is None or finder.matches(policy.filter_pattern, line)


def error_summary(lines: Sequence[LogLine]) -> frozenset[int]:
    """Which of a failed run's last lines make its error summary, by their place in `lines`.

    The platform's own notes, and of each instance the last lines of stderr, from the last traceback on
    where that is longer. Nothing of stdout. (The failure text is in statusDetails.)
    """
    chosen = {place for place, line in enumerate(lines) if line.stream == "platform"}
    errors: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        if line.stream == "stderr":
            errors.setdefault(line.host, []).append(place)
    for places in errors.values():
        first = max(len(places) - SUMMARY_LINES, 0)
        tracebacks = [number for number, place in enumerate(places) if lines[place].text.startswith(_TRACEBACK)]
        chosen.update(places[min([first, *tracebacks[-1:]]) :])
    return frozenset(chosen)


def redacted_failure(text: str, policies: Iterable[LogPolicy], finder: Finder) -> str:
    """A failure file's text as every member may read it: masked by every policy, whomever it names, then cut."""
    policies = tuple(policies)
    fault = finder.fault(policies)
    if fault is not None:
        return _FAILURE_NOT_SHOWN.format(fault) if text.strip() else ""
    seen = _cleaned(text, _KEPT_FAILURE_CHARACTERS).strip()
    return hidden(seen, policies, FAILURE_CHARACTERS, finder)[:FAILURE_CHARACTERS]
