"""The noise that a policy puts on custom metrics: its scale, its layers, and what each is drawn from.

A value x of a series is shown as

    x + level * S * (sum over tables (w1 T + sqrt(K) w2 Q) + sqrt(K) w3 A),    w1^2 + w2^2 + w3^2 = 1

S is the spread of its metric, rounded up to a power of two at a place that nobody knows. K is the number of metrics
that the algorithm defines: as composition has it, each of K series has sqrt(K) times the noise, so that all of them
together reveal no more than one. The layers have variance one, and each is made of an offset (the same for all points),
a slow drift and a jitter for each point:

    T, of a table        the same for whatever is measured on the table, which is another member's
    Q, of an algorithm   on that table: the same however often it is run, and with what
    A, of the run        of its inputs, and of its values

Of each table there is one T and one Q, and they are added: who reads another table beside it adds noise, and takes none
off. Nothing is drawn at random: a layer is a function of the server's secret and of what it is of, so that whoever asks
again is answered the same. Why each: docs/privacy.md, "Metrics". Decision: 0016.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist

from whiteroom.domain.observability.metrics import MetricPoint, MetricSeries
from whiteroom.domain.privacy.policies import NoiseLevel

SECRET_BYTES = 32

SCALES: Mapping[NoiseLevel, float] = {NoiseLevel.LOW: 0.05, NoiseLevel.MEDIUM: 0.15, NoiseLevel.HIGH: 0.5}
"""The standard deviation of the noise on one value of an algorithm with one metric, as a part of S."""

TABLES_VARIANCE, ALGORITHM_VARIANCE, RUN_VARIANCE = 0.375, 0.375, 0.25
"""Of T, Q and A; together one. T and Q are what is left when the values of any number of runs are averaged."""

OFFSET_VARIANCE, DRIFT_VARIANCE, JITTER_VARIANCE = 0.5, 0.25, 0.25
"""Of each layer; together one. What is left of it when all points are averaged is the offset's."""
WAVES = 4
"""The drift is a sum of so many cosines, of half a period up to two over the whole run, weaker as they get faster."""

LEAST_SHARE = 0.1
"""Of its largest absolute value, the least spread of a metric: one that changes little is not shown more precisely."""
LEAST_SPREAD = 0.001
"""The least spread of all, in the metric's own unit."""
GRID = 2.0**-10
"""Shown values are multiples of S times this: the last digits of a sum would reveal which numbers were added."""

_NORMAL = NormalDist()
_WEIGHTS = tuple(1 / wave / math.sqrt(sum(k**-2 for k in range(1, WAVES + 1))) for wave in range(1, WAVES + 1))
_LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Question:
    """What a run was asked, apart from the metric's name."""

    collaboration_id: str
    tables: tuple[str, ...]
    """The tables that what it learned from was made of, those of the member who ran it left out; sorted. Not their
    associations, which can be made anew."""
    algorithm: tuple[str, ...]
    """Its association, and the digest of its image."""
    inputs: tuple[tuple[str, str], ...]
    """What else the run was given: hyperparameters and environment; sorted."""
    metrics: int
    """How many metrics the algorithm defines."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of one series: the same for the same series, whoever asks and whenever."""

    spread: float
    deviation: float
    """Level times spread."""
    stride: int
    count: int
    layers: tuple[tuple[float, _Layer], ...]
    """Each with its weight."""

    def on(self, point: MetricPoint) -> MetricPoint:
        """The point as it is shown."""
        index, position = point.step // self.stride, point.step / max(self.count - 1, 1)
        drawn = sum(weight * layer.at(index, position) for weight, layer in self.layers)
        grid = self.spread * GRID
        moved = round(max(-_LARGEST, min(_LARGEST, point.value + self.deviation * drawn)) / grid) * grid
        return replace(point, value=max(-_LARGEST, min(_LARGEST, moved)))


def is_constant(siblings: Iterable[MetricSeries]) -> bool:
    """Whether a metric has one value on all hosts, as what was passed in has: it has no trend, and is not shown.

    Whatever that value is. Were it hidden only where it equals a hyperparameter or a variable, hiding it would tell
    that a guess is right. So would hiding single values of a metric that moves.
    """
    hosts = tuple(siblings)
    return min(one.minimum for one in hosts) == max(one.maximum for one in hosts)


def noise_on(
    level: NoiseLevel, secret: bytes, question: Question, series: MetricSeries, siblings: Iterable[MetricSeries]
) -> Noise:
    """The noise of one series of a run that is over.

    Args:
        level: of the policy; not NONE.
        secret: the server's own; who has it can take the noise away.
        question: what the run was asked.
        series: whose values are to be shown.
        siblings: the series of the same metric on all hosts, this one included.
    """
    if len(secret) < SECRET_BYTES:
        raise ValueError("The secret of the noise is too short.")
    hosts = tuple(siblings)
    common = [level.value, question.collaboration_id]
    algorithm = [*common, question.algorithm, series.name]
    place = _uniform(_seed(secret, "place", *algorithm, question.tables))
    width = spread(min(one.minimum for one in hosts), max(one.maximum for one in hosts), place)
    answered = struct.pack(">q3d", series.count, series.minimum, series.maximum, series.last_value).hex()
    together = math.sqrt(max(question.metrics, 1))
    drawn: list[tuple[float, tuple[object, ...]]] = [
        (
            together * math.sqrt(RUN_VARIANCE),
            ("run", *common, question.tables, question.algorithm, question.inputs, answered),
        )
    ]
    for table in question.tables or ("",):
        drawn.append((math.sqrt(TABLES_VARIANCE), ("table", *common, table)))
        drawn.append((together * math.sqrt(ALGORITHM_VARIANCE), ("algorithm", *algorithm, table)))
    points = -(-series.count // series.stride)
    layers = tuple((weight, _layer(_seed(secret, *parts, width.hex()), points)) for weight, parts in drawn)
    return Noise(width, SCALES[level] * width, series.stride, series.count, layers)


def spread(minimum: float, maximum: float, place: float = 0.0) -> float:
    """S: one to four times what the values of a metric lie apart; a power of two, never so little that it tells one.

    Rounded, since many points tell how strong their jitter is, and so would tell the exact range. Where the roundings
    change is at `place`, from 0 to 1, between two powers: were it known, a definition that adds known values to a
    metric's own could find by S where those begin.
    """
    width = max(min(maximum - minimum, _LARGEST), LEAST_SHARE * max(abs(minimum), abs(maximum)), LEAST_SPREAD)
    return math.ldexp(1.0, min(math.ceil(math.log2(width) + place), 1_023))


@dataclass(frozen=True, slots=True)
class _Layer:
    """What is drawn for one layer; the jitter as numbers of eight bytes, one for each point that is kept."""

    offset: float
    waves: tuple[float, ...]
    jitter: bytes = field(repr=False)

    def at(self, index: int, position: float) -> float:
        """The layer at the kept point of that number, which is at a `position` of 0 to 1 in its run."""
        drift = sum(height * math.cos(math.pi * wave * position) for wave, height in enumerate(self.waves, 1))
        return self.offset + drift + math.sqrt(JITTER_VARIANCE) * _normal(self.jitter, index)


def _seed(secret: bytes, *parts: object) -> bytes:
    """Of what a layer is drawn from; JSON keeps one part from running into the next."""
    return hmac.digest(secret, json.dumps(parts).encode(), "sha256")


def _layer(seed: bytes, points: int) -> _Layer:
    drawn = hashlib.shake_256(seed).digest(8 * (1 + WAVES + points))
    heights = (weight * math.sqrt(2 * DRIFT_VARIANCE) * _normal(drawn, n) for n, weight in enumerate(_WEIGHTS, 1))
    return _Layer(math.sqrt(OFFSET_VARIANCE) * _normal(drawn, 0), tuple(heights), drawn[8 * (1 + WAVES) :])


def _normal(drawn: bytes, number: int) -> float:
    """The normal number that eight of the bytes make."""
    return _NORMAL.inv_cdf(_uniform(drawn, number))


def _uniform(drawn: bytes, number: int = 0) -> float:
    """A number between 0 and 1, of eight of the bytes."""
    return ((int.from_bytes(drawn[8 * number : 8 * number + 8], "big") >> 11) + 0.5) / 2**53
