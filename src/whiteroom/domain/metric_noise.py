"""The noise that a policy puts on custom metrics: its scale, its layers, and what each is drawn from.

A value x of a series is shown as x + S * level * (question + answer) / sqrt(2). S is the spread of its metric, rounded
up to a power of two. Either layer has variance one and is made of an offset (the same for all points), a slow drift
and a jitter for each point. Nothing is drawn at random: a layer is a function of the server's secret and of what it is
of, so that whoever asks again is answered the same. Why each: docs/privacy.md, "Metrics". Decision: 0016.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist

from whiteroom.domain.metrics import MetricPoint, MetricSeries
from whiteroom.domain.privacy import NoiseLevel

SECRET_BYTES = 32

SCALES: Mapping[NoiseLevel, float] = {NoiseLevel.LOW: 0.05, NoiseLevel.MEDIUM: 0.15, NoiseLevel.HIGH: 0.5}
"""The standard deviation of the noise on one value, as a part of S."""

OFFSET_VARIANCE, DRIFT_VARIANCE, JITTER_VARIANCE = 0.5, 0.25, 0.25
"""Of each layer; together one. What is left of it when all points are averaged is the offset's."""
WAVES = 4
"""The drift is a sum of so many cosines, of half a period up to two over the whole run, weaker as they get faster."""

CONSTANT_SHARE = 0.1
"""Of its largest absolute value, the least spread of a metric: one that stays the same is not told exactly."""
LEAST_SPREAD = 0.001
"""The least spread of all, in the metric's own unit: one that is always 0 is not told exactly either."""
GRID = 2.0**-10
"""Shown values are multiples of S times this: the last digits of a sum would tell which numbers were added."""

_NORMAL = NormalDist()
_WEIGHTS = tuple(1 / wave / math.sqrt(sum(k**-2 for k in range(1, WAVES + 1))) for wave in range(1, WAVES + 1))
_LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked for with a metric: it stays the same however often the training is repeated or varied."""

    collaboration_id: str
    table_association_ids: tuple[str, ...]
    """Of the tables that the training's channels were made from, sorted."""
    metric: str


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of one series: the same for the same series, whoever asks and whenever."""

    spread: float
    deviation: float
    stride: int
    count: int
    layers: tuple[_Layer, ...]

    def on(self, point: MetricPoint) -> MetricPoint:
        """The point as it is shown."""
        index, position = point.step // self.stride, point.step / max(self.count - 1, 1)
        drawn = sum(layer.at(index, position) for layer in self.layers) / math.sqrt(len(self.layers))
        grid = self.spread * GRID
        moved = round(max(-_LARGEST, min(_LARGEST, point.value + self.deviation * drawn)) / grid) * grid
        return replace(point, value=max(-_LARGEST, min(_LARGEST, moved)))


def noise_on(
    level: NoiseLevel, secret: bytes, question: Question, series: MetricSeries, siblings: Iterable[MetricSeries]
) -> Noise:
    """The noise of one series of a run that is over.

    Args:
        level: of the policy; not NONE.
        secret: the server's own; who has it can take the noise away.
        question: what the metric answers.
        series: whose values are to be shown.
        siblings: the series of the same metric on all hosts, this one included.
    """
    if len(secret) < SECRET_BYTES:
        raise ValueError("The secret of the noise is too short.")
    hosts = tuple(siblings)
    width = spread(min(one.minimum for one in hosts), max(one.maximum for one in hosts))
    asked = (question.collaboration_id, *question.table_association_ids, question.metric)
    answered = struct.pack(">q3d", series.count, series.minimum, series.maximum, series.last_value)
    points = -(-series.count // series.stride)
    common = (level.value.encode(), struct.pack(">d", width))
    return Noise(
        width,
        SCALES[level] * width,
        series.stride,
        series.count,
        (
            _layer(secret, points, (b"question", *common, *(text.encode(errors="surrogatepass") for text in asked))),
            _layer(secret, points, (b"answer", *common, answered)),
        ),
    )


def spread(minimum: float, maximum: float) -> float:
    """S: how far the values of a metric lie apart, rounded up to a power of two; never so little that it tells one.

    Rounded, since many points tell how strong their jitter is, and so would tell the exact range.
    """
    width = min(maximum - minimum, _LARGEST)
    mantissa, exponent = math.frexp(max(width, CONSTANT_SHARE * max(abs(minimum), abs(maximum)), LEAST_SPREAD))
    return math.ldexp(1.0, min(exponent - (mantissa == 0.5), 1_023))


@dataclass(frozen=True, slots=True)
class _Layer:
    """What is drawn for one layer; the jitter as numbers of eight bytes, one for each point that is kept."""

    offset: float
    waves: tuple[float, ...]
    jitter: bytes = field(repr=False)

    def at(self, index: int, position: float) -> float:
        """The layer at the kept point of that number, which lies at a `position` of 0 to 1 in its run."""
        drift = sum(height * math.cos(math.pi * wave * position) for wave, height in enumerate(self.waves, 1))
        return self.offset + drift + math.sqrt(JITTER_VARIANCE) * _normal(self.jitter, index)


def _layer(secret: bytes, points: int, parts: Sequence[bytes]) -> _Layer:
    told = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    seed = hmac.digest(secret, told, "sha256")
    drawn = hashlib.shake_256(seed).digest(8 * (1 + WAVES + points))
    heights = (weight * math.sqrt(2 * DRIFT_VARIANCE) * _normal(drawn, n) for n, weight in enumerate(_WEIGHTS, 1))
    return _Layer(math.sqrt(OFFSET_VARIANCE) * _normal(drawn, 0), tuple(heights), drawn[8 * (1 + WAVES) :])


def _normal(drawn: bytes, number: int) -> float:
    """The normal number that eight of the bytes make."""
    uniform = (int.from_bytes(drawn[8 * number : 8 * number + 8], "big") >> 11) + 0.5
    return _NORMAL.inv_cdf(uniform / 2**53)
