"""(e) Differential privacy: one user's rows are removed or replaced, and the noise is coupled.

The mechanism promises that its *outcomes* are about as likely with a user as without: the limit of rows, the bounds of
values, the groups that are shown, the noisy numbers. So these are made the same for both twins here, and then:

- the rows of all other users, as the mechanism takes them, are the same, byte for byte;
- where the user is gone, no row is said to be its;
- no user keeps more rows than the limit;
- each exact number changes, over all groups together, by no more than the mechanism is told (twice that where rows are
  replaced), in no more groups than the limit, and their users by no more than one each;
- each histogram changes by one at most (two where rows are replaced);
- all that is shown, keys included, is the same, byte for byte, and so is how the query ends.

The user's rows hold values that compare equal to others' and look different. And the same rows in another order, on one
thread instead of four, give the same answer, byte for byte, with exact numbers.
"""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from noninterference.runner import Seen, database, pointed, read_by, shown, timed
from noninterference.twins import Rows, patients
from whiteroom.domain.execution.queries import QuerySpec
from whiteroom.engines.duckdb import optimizers, worker
from whiteroom.engines.duckdb.files.quoting import sql_name
from whiteroom.engines.duckdb.files.results import write_result
from whiteroom.engines.duckdb.judge.plan_judge import stand_ins
from whiteroom.engines.duckdb.noise import execute as release
from whiteroom.engines.duckdb.noise.one_form import require_one_form
from whiteroom.engines.duckdb.noise.texts import NoisyText
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.writing import WrittenQuery
from whiteroom.sql.noise.plan import USER, key_name
from whiteroom.sql.refusals import Refused
from whiteroom.sql.walls import BOTH, Walls

SUBJECT = "p03"
"""The user whose rows change."""
_HISTOGRAMS = frozenset({release.MOST_ROWS_LOG2 + 1, release.LARGEST_LOG2 - release.SMALLEST_LOG2 + 1})
"""Sizes of the histograms that limits and bounds are learned from."""
ENOUGH = 2
"""Users besides the subject, with which a group is shown."""
REALS = ("0.0", "-0.0", "nan", "-nan", "0.5", "3.75")
"""Zeros and NaNs that DuckDB groups together."""
DIAGNOSES = ("flu", "flu ", "FLU", "caf\u00e9", "cafe\u0301", "a")
"""Texts that a collation might take for one."""


@dataclass
class Observed:
    """One run of the mechanism under coupled noise: what went in, and what came out."""

    seen: Seen
    told: tuple[Mapping[str, Any], ...] = ()
    buckets: list[tuple[int, ...]] = field(default_factory=list)
    """Histograms, in the order in which they were asked for."""
    chosen: list[int] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    """By how much the mechanism takes one user to change each total."""
    others: list[tuple[str, ...]] = field(default_factory=list)
    """Rows of all users but the subject."""
    subjects: int = 0
    """Rows of the subject."""
    most: int = 0
    """The most rows that one user keeps."""
    limit: int = 0
    totals: dict[tuple[Any, ...], tuple[int, ...]] = field(default_factory=dict)
    """Number of users, and each exact total, by the groups' keys."""


class Coupled:
    """Chance (engines/duckdb/noise/mechanisms.py) whose outcomes do not depend on the subject."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        noisy: NoisyText,
        observed: Observed,
        floor: Sequence[int],
        *,
        exact: bool,
    ) -> None:
        self._cursor, self._noisy, self._observed, self._floor, self._exact = cursor, noisy, observed, floor, exact
        self._counted = False

    def seed(self) -> int:
        """Always the same."""
        return 2**40 + 7

    def with_noise(self, totals: Sequence[int], change: int, users_noise: int) -> list[int]:
        """Of a histogram, all in one bucket; of the groups' numbers, the same in each."""
        if not self._counted and len(totals) in _HISTOGRAMS:
            return self._histogram(totals)
        self._observed.changes.append(change)
        if self._exact:
            return list(totals)
        return [(len(self._observed.changes) + 7) * max(1, change // 3)] * len(totals)

    def _histogram(self, users: Sequence[int]) -> list[int]:
        """The last bucket that is not empty, or that of the twin: nothing is cut by chance."""
        found, floor = self._observed.chosen, self._floor
        own = max((index for index, count in enumerate(users) if count), default=0)
        chosen = max(own, floor[len(found)] if len(found) < len(floor) else 0)
        self._observed.buckets.append(tuple(users))
        found.append(chosen)
        return [2**40 if index == chosen else 0 for index in range(len(users))]

    def shown_groups(self, users: Mapping[int, int], groups_per_user: int, users_noise: int) -> list[int]:
        """Those that enough others are in."""
        self._counted = True
        self._observed.limit = groups_per_user
        keys = [sql_name(key_name(index)) for index in range(self._noisy.plan.keys)]
        same = " AND ".join(f"r.{key} IS NOT DISTINCT FROM t.{key}" for key in keys) or "true"
        counted = self._cursor.execute(
            f'SELECT t."wr$group" FROM "wr$totals" t JOIN "wr$kept" r ON {same} WHERE r.{sql_name(USER)} <> ? '
            f"GROUP BY 1 HAVING count(DISTINCT r.{sql_name(USER)}) >= {ENOUGH}",
            [SUBJECT],
        ).fetchall()
        return sorted(group for (group,) in counted)


class PrivateRunner:
    """Engines for queries with noise."""

    def __init__(self, folder: Path, *, walls: Walls = BOTH) -> None:
        self._folder = folder
        self._databases = {threads: database(threads, optimizers.without(optimizers.PRIVATE)) for threads in (1, 4)}
        self._walls = walls

    def close(self) -> None:
        """End the engines."""
        for engine in self._databases.values():
            engine.close()

    def text(self, guarded: WrittenQuery) -> tuple[list[str], str] | None:
        """The types of the groups' keys (release.rehearse, on one engine), and the text that gives the answer.

        Returns:
            None where the engine cannot plan the query, or would not make groups by such keys, whatever the rows are.

        Raises:
            Disagreement, NotWhatWasJudged: the second judge refuses it.
        """
        noisy = guarded.noisy
        assert noisy is not None
        with self._databases[1].cursor() as cursor:
            try:
                prepare(cursor, noisy.rows, noisy.answer, private=True)
                with stand_ins(cursor, guarded.judged.views, guarded.judged.columns):
                    described = cursor.execute(f"DESCRIBE {noisy.rows}").fetchall()
                types = {name: kind for name, kind, *_ in described}
                keys = [types[key_name(index)] for index in range(noisy.plan.keys)]
                require_one_form(keys)
                return keys, worker._judged_noisy(cursor, guarded, noisy, keys, self._walls)
            except (duckdb.Error, Refused):
                return None

    def run(
        self,
        spec: QuerySpec,
        guarded: WrittenQuery,
        texts: tuple[Sequence[str], str],
        files: Mapping[str, str],
        *,
        floor: Sequence[int] = (),
        exact: bool = False,
        threads: int = 1,
    ) -> Observed:
        """One run.

        Args:
            spec: how rows are written.
            guarded: the query.
            texts: of `text`.
            files: the twin's, by the tables' names.
            floor: buckets below which none is chosen: those of the twin.
            exact: whether numbers go out without noise.
            threads: of the engine.
        """
        noisy, views = guarded.noisy, pointed(guarded, files).judged.views
        assert noisy is not None
        key_types, answer = texts
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        observed = Observed(Seen(0, ()))
        with self._databases[threads].cursor() as cursor:
            try:
                prepare(cursor, noisy.rows, noisy.answer, private=True)
                for view, table in views.items():
                    worker._make_view(cursor, view, table, guarded.judged.columns[view], row_keys=False, private=True)
                chance = Coupled(cursor, noisy, observed, floor, exact=exact)
                with timed(cursor):
                    observed.told = release.fill(cursor, noisy, key_types, chance)
                    rows, written = write_result(cursor, answer, spec, self._folder)
            except duckdb.Error as error:
                observed.seen = Seen(0, (), "untold", type(error).__name__)
                return observed
            pointed_at = pointed(guarded, files)
            observed.seen = shown(guarded, rows, written, read_by(cursor, spec, pointed_at), observed.told)
            if not exact:
                _look_inside(cursor, noisy, observed)
        return observed


def _look_inside(cursor: duckdb.DuckDBPyConnection, noisy: NoisyText, observed: Observed) -> None:
    tables = {name for (name,) in cursor.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()}
    rows = "wr$rows" if "wr$rows" in tables else "wr$kept"
    described = [name for name, *_ in cursor.execute(f'DESCRIBE "{rows}"').fetchall()]
    shown = ", ".join(f"CAST({sql_name(name)} AS VARCHAR)" for name in described if name != "wr$chance")
    user = sql_name(USER)
    found = cursor.execute(f'SELECT {shown} FROM "{rows}" WHERE {user} <> ?', [SUBJECT]).fetchall()
    observed.others = sorted(tuple(map(str, row)) for row in found)
    (observed.subjects,) = cursor.execute(f'SELECT count(*) FROM "{rows}" WHERE {user} = ?', [SUBJECT]).fetchall()[0]
    (most,) = cursor.execute(f'SELECT max(n) FROM (SELECT count(*) AS n FROM "wr$kept" GROUP BY {user})').fetchall()[0]
    observed.most = most or 0
    observed.limit = observed.limit or 2 ** (observed.chosen[0] if observed.chosen else 0)
    for row in cursor.execute('SELECT * EXCLUDE ("wr$group") FROM "wr$totals"').fetchall():
        key = tuple(_canonical(value) for value in row[: noisy.plan.keys])
        observed.totals[key] = tuple(int(value) for value in row[noisy.plan.keys :])


def _canonical(value: Any) -> Any:
    """Equal where DuckDB groups values together."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value + 0.0
    return value


def differences(one: Observed, other: Observed, *, removed: bool) -> Iterator[str]:
    """What the bill did not pay for."""
    if (one.seen.failure, one.seen.message) != (other.seen.failure, other.seen.message):
        yield f"the end: {one.seen.failure} {one.seen.message!r} and {other.seen.failure} {other.seen.message!r}"
        return
    if one.others != other.others:
        mine, theirs = set(one.others) - set(other.others), set(other.others) - set(one.others)
        yield f"others' rows: {sorted(mine)[:4]} and {sorted(theirs)[:4]}"
    if removed and other.subjects:
        yield f"{other.subjects} rows are said to be of a user who has none"
    if one.changes != other.changes:
        yield f"what one user changes: {one.changes} and {other.changes}"
    yield from _sensitivities(one, other, times=1 if removed else 2)
    if one.told != other.told:
        yield f"what is told: {one.told} and {other.told}"
    if one.seen.told != other.seen.told:
        yield f"what logs and metrics tell: {one.seen.told} and {other.seen.told}"
    if one.seen.files != other.seen.files:
        yield f"the answer: {one.seen.files} and {other.seen.files}"


def _sensitivities(one: Observed, other: Observed, *, times: int) -> Iterator[str]:
    for mine, theirs in zip(one.buckets, other.buckets, strict=False):
        moved = sum(abs(left - right) for left, right in zip(mine, theirs, strict=True))
        if moved > times:
            yield f"a histogram changes by {moved}"
    groups = one.totals.keys() | other.totals.keys()
    nothing = (0,) * (1 + len(one.changes))
    pairs = [(one.totals.get(key, nothing), other.totals.get(key, nothing)) for key in groups]
    users = [abs(left[0] - right[0]) for left, right in pairs]
    if max(users, default=0) > 1:
        yield f"the users of a group change by {max(users)}"
    if one.most and one.limit and sum(bool(count) for count in users) > times * one.limit:
        yield f"{sum(bool(count) for count in users)} groups change, and the limit is {one.limit}"
    for index, change in enumerate(one.changes):
        moved = sum(abs(left[index + 1] - right[index + 1]) for left, right in pairs)
        if moved > times * change:
            yield f"total {index} changes by {moved}, and {change} is paid for"
    for observed in (one, other):
        if one.chosen and one.limit and observed.most > observed.limit:
            yield f"a user keeps {observed.most} rows, and the limit is {observed.limit}"


# Rows


def users(rng: random.Random) -> Rows:
    """Rows of a score of users, of whom the subject's come first or anywhere."""
    rows = [row | _alike(rng) for row in patients(rng, 52)]
    own = [row | _alike(rng) | _worst(rng) | {"pid": SUBJECT} for row in patients(rng, rng.choice((1, 2, 5)))]
    others = [row for row in rows if row["pid"] != SUBJECT]
    if rng.random() < 0.7:
        return [*own, *others]
    return [*others[:20], *own, *others[20:]]


def _alike(rng: random.Random) -> dict[str, Any]:
    return {
        "amount": rng.choice(REALS),
        "diag": rng.choice(DIAGNOSES),
        "price": rng.choice(("0.00", "-0.00", "9.99", "3.10")),
    }


_EXTREMES: Mapping[str, tuple[Any, ...]] = {
    "seq": (2**63 - 1, -(2**63), 0),
    "age": (2**63 - 1, -(2**63), 2**31, -1),
    "amount": ("1e308", "-1e308", "inf", "-inf", "nan", "5e-324"),
    "price": ("99999999.99", "-99999999.99"),
    "diag": ("ab\\", "%", "[", "0x1F", "1e400", "2024-02-30", "true"),
    "born": ("5881580-07-10", "0001-01-01", "9999-12-31"),
    "seen": ("294247-01-10 04:00:54.775806", "0001-01-01 00:00:00"),
}
"""Values on which functions, casts and patterns fail, or nearly."""


def _worst(rng: random.Random) -> dict[str, Any]:
    return {name: rng.choice(values) for name, values in _EXTREMES.items() if rng.random() < 0.3}


def own(rows: Rows) -> Rows:
    """The attacker's table: one row for each user, but several for the subject, on which much fails."""
    others = {row["k"]: row for row in rows if row["k"] != SUBJECT}
    row = {"k": SUBJECT, "kind": "worst", "day": "2024-02-29", "ok": True}
    worst = ((2**63 - 1, 1e308), (-(2**63), -1e308), (0, "inf"), (7, "nan"))
    return [*others.values(), *(row | {"n": n, "w": w} for n, w in worst)]


def without(rows: Rows) -> Rows:
    """The subject's rows are gone."""
    return [row for row in rows if row["pid"] != SUBJECT]


def replaced(rng: random.Random, rows: Rows) -> Rows:
    """The subject has other rows, where it had its first."""
    own = [row | _alike(rng) | _worst(rng) | {"pid": SUBJECT} for row in patients(rng, rng.choice((1, 3)))]
    at = next(index for index, row in enumerate(rows) if row["pid"] == SUBJECT)
    rest = without(rows)
    return [*rest[:at], *own, *rest[at:]]


def lookalikes(rows: Rows) -> Rows:
    """The subject's zeros and NaNs have the other sign."""
    other = {"0.0": "-0.0", "-0.0": "0.0", "nan": "-nan", "-nan": "nan", "0.00": "-0.00"}
    return [
        row | {name: other.get(str(row[name]), row[name]) for name in ("amount", "price")}
        if row["pid"] == SUBJECT
        else row
        for row in rows
    ]


def shuffled(rng: random.Random, rows: Rows) -> Rows:
    """The same rows in another order."""
    return rng.sample(rows, len(rows))
