"""Many queries, their twins, and what came of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from noninterference import corpus, mutations, private
from noninterference.attacker import Attacker
from noninterference.grammar import Grammar
from noninterference.grouped import Aggregation, Listed, Thresholds
from noninterference.kinds import KINDS, Kind
from noninterference.personal import Personal
from noninterference.report import Leak, Report
from noninterference.runner import Runner, Seen, TooSlow
from noninterference.twins import RULED, Rows, Ruled, mine, patients, write
from noninterference.uses import Uses, watched
from support.rules import direct
from whiteroom.domain.execution.queries import QuerySpec, ResultFormat
from whiteroom.engines.duckdb.judge.plan_judge import Disagreement
from whiteroom.engines.duckdb.judge.verify_sql import NotWhatWasJudged
from whiteroom.engines.duckdb.worker import GUARD_SECONDS, cpu_limit
from whiteroom.engines.duckdb.writing import WrittenQuery, judge_and_write
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.reading import SparkSql
from whiteroom.sql.walls import BOTH, Walls

WORLDS = 3
"""How many bases there are; a query is tried on one of them."""
MOST_TWINS = 3
"""Of one query."""


def constructs(sql: str) -> set[str]:
    """The entries of sql/constructs.py that a text has: classes, and `Class.part` of the structure.

    As sqlglot reads Spark's SQL, and as the guard does: it has some classes of its own.
    """
    own = _tree(sql, SparkSql)
    found: set[str] = set() if own is None else _named(own)
    for tree in (_tree(sql, "spark"), own):
        if tree is not None:
            found |= _constructs(tree)
    return found


def _tree(sql: str, dialect: str | type[SparkSql]) -> exp.Expr | None:
    try:
        return sqlglot.parse_one(sql, dialect=dialect)
    except (SqlglotError, Refused):
        return None


def _constructs(tree: exp.Expr) -> set[str]:
    found: set[str] = set()
    for node in tree.walk():
        kind = type(node).__name__
        found.add(kind)
        found |= {f"{kind}.{name}" for name, value in node.args.items() if value}
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            found |= {f"StarOf.{name}" for name, value in node.args.items() if value}
        if isinstance(node, exp.Anonymous):
            found.add(str(node.this).upper())
        elif isinstance(node, exp.DataType):
            found.add(f"type {getattr(node.this, 'value', node.this)}")
        elif isinstance(node, exp.Join):
            found.add(f"join {str(node.args.get('side') or '').upper()} {str(node.args.get('kind') or '').upper()}")
    return found


def _named(read: exp.Expr) -> set[str]:
    """Functions that the guard has by name, where sqlglot has classes for them."""
    return {str(node.this).upper() for node in read.find_all(exp.Anonymous)} | (
        {"ARRAY"} if read.find(exp.Array) else set()
    )


class Stage:
    """A rule with its bases and their twins on disk, and the engines to run queries over them."""

    def __init__(self, ruled: Ruled, folder: Path, runners: Mapping[int, Runner], seed: int) -> None:
        self.ruled = ruled
        self._runners = runners
        self._bases: list[dict[str, str]] = []
        self._twins: list[dict[Kind, dict[str, str]]] = []
        (table,) = (table.name for table in ruled.tables if table.name != "mine")
        for number in range(WORLDS):
            rng = random.Random(f"{seed} {ruled.name} {number}")
            rows, own = patients(rng), mine(rng)
            base = write(folder / ruled.name / f"{number}", {table: rows, "mine": own})
            self._bases.append(base)
            twins: dict[Kind, dict[str, str]] = {}
            for index, kind in enumerate(KINDS[ruled.name]):
                other: Rows = kind.twin(rng, rows)
                twins[kind] = base | write(folder / ruled.name / f"{number}-{index}", {table: other})
            self._twins.append(twins)

    def spec(self, sql: str, rng: random.Random) -> QuerySpec:
        """The query with one of the ways in which results are written."""
        form = ResultFormat.PARQUET if rng.random() < 0.15 else ResultFormat.CSV
        return direct(sql, self.ruled.tables, result_format=form, max_file_bytes=rng.choice((150, 10_000)))

    def compare(self, spec: QuerySpec, guarded: WrittenQuery, uses: Uses, report: Report, rng: random.Random) -> bool:
        """Run a query over a base and the twins that it is held to; whether it ran to its end."""
        world = rng.randrange(WORLDS)
        # What is equal is equal on any number of threads: one query in four is run on four, and its twins on one.
        threads = 1 if guarded.order.single_thread or rng.random() < 0.75 else 4
        text = self._runners[1].text(guarded)
        if isinstance(text, Seen):
            return False  # it is wrong whatever the rows are
        seen = self._runners[threads].run(spec, guarded, text, self._bases[world])
        tally = report.tally(self.ruled.name)
        for kind in self._held(uses, rng):
            other = self._runners[1].run(spec, guarded, text, self._twins[world][kind])
            if kind.may_fail and bool(seen.failure) != bool(other.failure):
                tally.failing[kind.letter] += 1
                continue
            tally.held[kind.letter] += 1
            difference = kind.differs(seen, other, uses)
            if difference:
                report.leaks.append(self._leak(spec, guarded, text, uses, kind, world, difference))
        return not seen.failure

    def _leak(
        self, spec: QuerySpec, guarded: WrittenQuery, text: str, uses: Uses, kind: Kind, world: int, difference: str
    ) -> Leak:
        """A difference between twins, or one that the number of threads makes."""
        threads = 1 if guarded.order.single_thread else 4
        one, four = (self._runners[count].run(spec, guarded, text, self._bases[world]) for count in (1, threads))
        unsteady = kind.differs(one, four, uses)
        what = "unsteady" if unsteady else f"{kind.letter}: {kind.name}"
        return Leak(self.ruled.name, what, spec.sql, unsteady or difference)

    def _held(self, uses: Uses, rng: random.Random) -> Iterator[Kind]:
        kinds = [kind for kind in KINDS[self.ruled.name] if kind.held(uses)]
        letters = list(dict.fromkeys(kind.letter for kind in kinds))
        if "b" in letters:
            letters.remove("a")
        for letter in letters:
            yield rng.choice([kind for kind in kinds if kind.letter == letter])
        more = [kind for kind in kinds if kind.letter == "c"]
        if more:
            yield rng.choice(more)


class PrivateStage:
    """The same for differential privacy."""

    def __init__(self, ruled: Ruled, folder: Path, runner: private.PrivateRunner, seed: int) -> None:
        self.ruled = ruled
        self._runner = runner
        self._worlds: list[dict[str, dict[str, str]]] = []
        (table,) = (table.name for table in ruled.tables if table.name != "mine")
        for number in range(WORLDS):
            rng = random.Random(f"{seed} {ruled.name} {number}")
            rows, own = private.users(rng), private.own(mine(rng))
            twins = {
                "base": rows,
                "removed": private.without(rows),
                "replaced": private.replaced(rng, rows),
                "alike": private.lookalikes(rows),
                "shuffled": private.shuffled(rng, rows),
            }
            queriers = write(folder / ruled.name / f"{number}", {"mine": own})
            self._worlds.append(
                {
                    name: queriers | write(folder / ruled.name / f"{number}-{name}", {table: each})
                    for name, each in twins.items()
                }
            )

    def spec(self, sql: str, rng: random.Random) -> QuerySpec:
        """The query, with enough left of the budget."""
        return direct(sql, self.ruled.tables, max_file_bytes=rng.choice((150, 10_000)), epsilon_left="1000")

    def compare(self, spec: QuerySpec, guarded: WrittenQuery, report: Report, rng: random.Random) -> bool:
        """Run a query on twins; whether it ran to its end."""
        assert guarded.noisy is not None
        tally, twins = report.tally(self.ruled.name), rng.choice(self._worlds)
        texts = self._runner.text(guarded)
        if texts is None:
            return False  # it is wrong whatever the rows are
        name = rng.choice(("removed", "replaced", "alike"))
        one = self._runner.run(spec, guarded, texts, twins["base"])
        other = self._runner.run(spec, guarded, texts, twins[name], floor=one.chosen)
        while other.chosen != one.chosen and not (one.seen.failure or other.seen.failure):
            # A larger limit keeps more rows, and these may have a larger bound: until both are the same.
            one = self._runner.run(spec, guarded, texts, twins["base"], floor=other.chosen)
            if other.chosen != one.chosen:
                other = self._runner.run(spec, guarded, texts, twins[name], floor=one.chosen)
        tally.held["e"] += 1
        for difference in private.differences(one, other, removed=name == "removed"):
            report.leaks.append(Leak(self.ruled.name, f"e: {name}", spec.sql, difference))
            break
        if one.seen.failure and other.seen.failure:
            # It could be planned: that it cannot be run is of the rows.
            report.leaks.append(Leak(self.ruled.name, "e: fails", spec.sql, one.seen.message))
        if rng.random() < 0.3 and not one.seen.failure:
            four = self._runner.run(spec, guarded, texts, twins["base"], exact=True, threads=4)
            single = self._runner.run(spec, guarded, texts, twins["shuffled"], exact=True)
            tally.held["order"] += 1
            if four.seen != single.seen:
                difference = f"{four.seen} and {single.seen}"
                report.leaks.append(Leak(self.ruled.name, "e: order", spec.sql, difference))
        return not one.seen.failure


def judged(spec: QuerySpec, walls: Walls = BOTH) -> tuple[WrittenQuery, Uses]:
    """The guard's answer, and where the protected columns stand in the tree that it judged.

    Raises:
        Refused: by the guard.
    """
    found: list[Uses] = []
    with watched(found), cpu_limit(GUARD_SECONDS):
        guarded = judge_and_write(spec, walls)
    return guarded, found[-1]


def attempt(stage: Stage | PrivateStage, sql: str, report: Report, rng: random.Random, walls: Walls = BOTH) -> None:
    """One query, from its text to its twins."""
    tally = report.tally(stage.ruled.name)
    tally.tried += 1
    named = constructs(sql)
    spec = stage.spec(sql, rng)
    try:
        guarded, uses = judged(spec, walls)
    except Refused as refusal:
        tally.refusals[str(refusal)[:90]] += 1
        report.hunger.fed(named, passed=False)
        return
    try:
        if isinstance(stage, Stage):
            tally.ran += stage.compare(spec, guarded, uses, report, rng)
        elif guarded.noisy is not None:
            tally.ran += stage.compare(spec, guarded, report, rng)
    except (Disagreement, NotWhatWasJudged) as found:
        report.disagreements.append((stage.ruled.name, sql, str(found)))
        report.hunger.fed(named, passed=False)
        return
    tally.passed += 1
    report.hunger.fed(named, passed=True)


SHARES: Mapping[str, int] = {
    "outputs": 36,
    "controls": 20,
    "thresholds": 15,
    "privacy": 11,
    "aggregation": 9,
    "list": 9,
}
"""Of a hundred queries."""
TURNED = 0.22
"""How often a query is one that an attacker would try, under the rules that take any query."""
_GRAMMARS: Mapping[str, type[Grammar]] = {
    "thresholds": Thresholds,
    "aggregation": Aggregation,
    "list": Listed,
    "privacy": Personal,
}


class Campaign:
    """Stages for every rule, and what is tried on them."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        shares: Mapping[str, int] = SHARES,
        *,
        walls: Walls = BOTH,
        twins: Path | None = None,
    ) -> None:
        """Make its stages in `folder`, their tables in `twins`: campaigns of one seed have the same, and may share."""
        tables = (twins or folder) / f"seed-{seed}"
        self.report = Report(seed)
        self._rng = random.Random(seed)
        self._shares = shares
        self._walls = walls
        self._runners = {threads: Runner(folder / f"on-{threads}", threads=threads, walls=walls) for threads in (1, 4)}
        self._private = private.PrivateRunner(folder / "private", walls=walls)
        self._stages: dict[str, Stage | PrivateStage] = {}
        self._grammars: dict[str, Grammar] = {}
        self._attackers: dict[str, Attacker] = {}
        self._vocabularies = {ruled.name: ruled.vocabulary for ruled in RULED}
        for ruled in RULED:
            if ruled.name not in shares:
                continue
            if ruled.name == "privacy":
                self._stages[ruled.name] = PrivateStage(ruled, tables, self._private, seed)
            else:
                self._stages[ruled.name] = Stage(ruled, tables, self._runners, seed)
            kind = _GRAMMARS.get(ruled.name, Grammar)
            self._grammars[ruled.name] = kind(self._rng, self.report.hunger, ruled.vocabulary)
            self._attackers[ruled.name] = Attacker(self._rng, ruled.vocabulary)

    def close(self) -> None:
        """End the engines."""
        for runner in self._runners.values():
            runner.close()
        self._private.close()

    def run(
        self,
        queries: int,
        *,
        turned: float = TURNED,
        turns: Sequence[str] = mutations.NAMES,
        until: Callable[[Report], bool] = lambda _: False,
    ) -> Report:
        """Try queries.

        Args:
            queries: so many.
            turned: how often one is a turn of another.
            turns: which ones.
            until: whether the report says that it is enough.
        """
        started = time.monotonic()
        names, weights = list(self._shares), list(self._shares.values())
        for _ in range(queries):
            rule = self._rng.choices(names, weights)[0]
            sql = self._written(rule, turned, turns)
            self.attempt(rule, sql)
            if until(self.report):
                break
        self.report.seconds += time.monotonic() - started
        return self.report

    def attempt(self, rule: str, sql: str) -> None:
        """One query. What is raised instead of refused is a finding too."""
        try:
            attempt(self._stages[rule], sql, self.report, self._rng, self._walls)
        except TooSlow:
            self.report.slow.append((rule, sql))
            self.report.hunger.fed(constructs(sql), passed=False)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is told
            self.report.faults[f"{type(error).__name__}: {str(error)[:120]} [{rule}] {sql[:600]}"] += 1

    def _written(self, rule: str, turned: float, names: Sequence[str]) -> str:
        grammar, attacker = self._grammars[rule], self._attackers[rule]
        odds = turned * {"outputs": 1.0, "controls": 1.5}.get(rule, 0.5)
        if self._rng.random() >= odds:
            return grammar.query().sql
        base = None
        if self._rng.random() < 0.6:
            base = corpus.adapted(self._rng.choice(corpus.queries()), self._vocabularies[rule])
        base = base or grammar.query().sql
        turns = self._rng.choices(names, k=self._rng.choice((1, 1, 2)))
        if rule == "controls" and names is mutations.NAMES and self._rng.random() < 0.4:
            turns = ["met"]
        return mutations.mutated(base, attacker, turns)
