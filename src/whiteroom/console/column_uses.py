"""What the rules of a table let be done with each of its columns, in words. Pure.

It says what a rule says; whether a query is let through is decided where it is judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Policy = Mapping[str, Any]
_ADDITIONAL = {
    "REQUIRED": "What is selected goes into algorithms and nowhere else.",
    "ALLOWED": "What is selected may go into algorithms, too.",
    "NOT_ALLOWED": "What is selected goes into no algorithm.",
}


def uses_of(kind: str, policy: Policy, columns: Sequence[str]) -> list[tuple[str, str]]:
    """Each column with what may be done with it.

    Args:
        kind: of the rule: AGGREGATION, LIST or CUSTOM.
        policy: the rule.
        columns: of the table.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for words, names in _USES.get(kind, _none)(policy):
        for name in names:
            found[name.casefold()].append(words)
    rest = _REST.get(kind, "nothing")
    return [(name, "; ".join(found[name.casefold()]) or rest) for name in columns]


def _none(_: Policy) -> Iterator[tuple[str, Sequence[str]]]:
    return iter(())


def _aggregation(policy: Policy) -> Iterator[tuple[str, Sequence[str]]]:
    for one in policy.get("aggregateColumns", []):
        yield f"aggregated by {one['function'].replace('_', ' ')}", one["columnNames"]
    yield "joined on", policy.get("joinColumns", [])
    yield "grouped and filtered by, and shown", policy.get("dimensionColumns", [])


def _list(policy: Policy) -> Iterator[tuple[str, Sequence[str]]]:
    yield "joined on", policy.get("joinColumns", [])
    yield "shown", policy.get("listColumns", [])


def _custom(policy: Policy) -> Iterator[tuple[str, Sequence[str]]]:
    yield "used, but in no result", policy.get("disallowedOutputColumns", [])
    noise = policy.get("differentialPrivacy", {}).get("columns", [])
    yield "tells whose row it is, for noise", [one["name"] for one in noise]
    for one in policy.get("aggregationThresholds", []):
        yield f"counted: a group has at least {one['minimumIdentityCount']}", one["identityColumns"]
        for column in one.get("outputColumnThresholds", []):
            yield f"shown of at least {column['minimumIdentityCount']}", [column["outputColumnName"]]
    controls = policy.get("comparisonControls", {})
    yield "compared with values", controls.get("allowedLiteralComparisonColumns", [])
    yield "compared with other columns", controls.get("allowedColumnComparisonColumns", [])


_USES = {"AGGREGATION": _aggregation, "LIST": _list, "CUSTOM": _custom}
_REST = {"CUSTOM": "whatever an allowed query does"}
"""What may be done with a column that a rule of that kind does not name."""


def sentences(kind: str, policy: Policy) -> list[str]:
    """What a rule says besides."""
    found = [*_who(kind, policy), *_thresholds(policy)]
    additional = policy.get("additionalAnalyses")
    if additional:
        found.append(_ADDITIONAL[additional])
    receivers = policy.get("allowedResultReceivers")
    if receivers is not None:
        found.append(f"Results go to {_listed(receivers)}.")
    algorithms = policy.get("allowedAdditionalAnalyses")
    if algorithms is not None:
        found.append(f"Algorithms: {_listed(algorithms)}.")
    return found


def _who(kind: str, policy: Policy) -> Iterator[str]:
    if kind == "CUSTOM":
        analyses = [one for one in policy.get("allowedAnalyses", []) if one != "ANY_QUERY"]
        if "ANY_QUERY" in policy.get("allowedAnalyses", []):
            yield f"Any query of {_listed(policy.get('allowedAnalysisProviders', []))}."
        elif analyses:
            yield f"These analyses: {_listed(analyses)}."
        else:
            yield "No query: no analysis is allowed yet."
        if "comparisonControls" in policy:
            yield "Columns are compared as stated above, and no other is."
    if kind == "AGGREGATION":
        scalars = policy.get("scalarFunctions", [])
        yield f"Functions of a row: {_listed([one.replace('_', ' ') for one in scalars])}."
        if policy.get("joinRequired"):
            yield "A query joins it with a table of its own member."
    if kind in ("AGGREGATION", "LIST"):
        operators = policy.get("allowedJoinOperators", [])
        if operators:
            yield f"Conditions of a join are put together with {_listed(operators)}."


def _thresholds(policy: Policy) -> Iterator[str]:
    for one in policy.get("outputConstraints", []):
        many = f"at least {one['minimum']} different values of {one['columnName']}"
        yield f"A row of a result is shown where {many} are in it."
    for one in policy.get("aggregationThresholds", []):
        many = f"at least {one['minimumIdentityCount']} different values of {_listed(one['identityColumns'])}"
        yield f"A row of a result has {many} in it."
        if one.get("allowedAggregateExpressionType") == "COLUMNS_ONLY":
            yield "Aggregates take columns as they are, and no expressions."
    if policy.get("differentialPrivacy"):
        yield "Results carry noise, and use up a privacy budget."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
