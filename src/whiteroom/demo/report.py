"""What was learned: the areas under the ROC curves, one picture and one page."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from string import Template

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score, roc_curve

from whiteroom.demo.story import Outcome, Trained

mpl.use("agg")

COLOURS = {"Flights and weather": "#1f6f8b", "Flights alone": "#b0b7bf", "Flights and weather, version 2": "#d1495b"}


@dataclass(frozen=True, slots=True)
class Curve:
    """One model's ROC curve on December."""

    trained: Trained
    auc: float
    false_positives: npt.NDArray[np.float64]
    true_positives: npt.NDArray[np.float64]


def curves(outcome: Outcome, bucket: Path) -> list[Curve]:
    """Read what was delivered to Delay Lab: `probability,late`, a line for each December flight."""
    found = []
    for trained in outcome.trained:
        files = sorted((bucket / trained.predictions).glob("*.out"))
        scored = np.concatenate([np.loadtxt(file, delimiter=",") for file in files])
        probability, late = scored[:, 0], scored[:, 1]
        rising = roc_curve(late, probability)
        found.append(Curve(trained, float(roc_auc_score(late, probability)), rising[0], rising[1]))
    return found


def draw(found: list[Curve], picture: Path) -> None:
    """The ROC curves of the models, in one picture."""
    figure = Figure(figsize=(7.2, 6.4), dpi=150, layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#d8dde2", linewidth=1, linestyle=(0, (4, 4)))
    for curve in sorted(found, key=lambda curve: curve.auc):
        label = f"{curve.trained.title}: {curve.auc:.3f}"
        axes.plot(
            curve.false_positives,
            curve.true_positives,
            color=COLOURS[curve.trained.title],
            linewidth=2.2,
            label=label,
        )
    axes.set_title("Which December flights will be more than 30 minutes late?", loc="left", fontsize=13, pad=14)
    axes.set_xlabel("false alarms (share of the flights that were not late)")
    axes.set_ylabel("late flights found (share)")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    legend = axes.legend(title="Area under the curve", loc="lower right", frameon=False, reverse=True)
    legend.get_title().set_fontweight("bold")
    figure.savefig(picture)


PAGE = Template(
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Whiteroom: what three organisations learned together</title>
<style>
  body { font: 16px/1.55 system-ui, sans-serif; color: #22303c; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
  h1 { font-size: 1.6rem; line-height: 1.25 } h2 { font-size: 1.1rem; margin-top: 2.4rem }
  table { border-collapse: collapse; width: 100% }
  td, th { text-align: left; padding: .45rem .6rem; vertical-align: top }
  .refusals td:first-child { width: 36% }
  tr + tr td { border-top: 1px solid #e3e8ec } th { font-weight: 600; color: #5b6b78 }
  td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
  img { width: 100%; max-width: 34rem; display: block; margin: 1rem auto }
  .reason { color: #5b6b78 } code { background: #f2f5f7; padding: .1em .3em; border-radius: 3px; word-break: break-all }
</style>
<h1>Three organisations trained a model together, and none of them saw another's rows</h1>
<p>Sky Airlines contributed $flight_count flights, the Weather Office $hour_count hours of weather, and
Delay Lab the algorithm. All of it ran on this machine, driven by nothing but boto3.</p>
<h2>What was learned</h2>
<table>
<tr><th>Model<th class="n">Rows<th class="n">Seconds<th class="n">AUC in December</tr>
$models
</table>
<p>$sentence</p>
<img src="$picture" alt="ROC curves of the three models">
<h2>What was refused</h2>
<table class="refusals">
<tr><th>Who tried what<th>The reason that the server gave</tr>
$refusals
</table>
<h2>What was delivered</h2>
<p>Delay Lab received its predictions and the exported model below <code>$bucket</code>:</p>
<p><code>$export</code></p>
</html>
"""
)


def write_page(
    outcome: Outcome, found: list[Curve], counts: tuple[int, int], place: str, picture: Path, page: Path
) -> None:
    """The page: what was learned, what was refused, what was delivered, and to which place."""
    models = "".join(
        f"<tr><td>{html.escape(curve.trained.title)}<td class=n>{curve.trained.rows:,}"
        f"<td class=n>{curve.trained.seconds:.1f}<td class=n>{curve.auc:.3f}</tr>\n"
        for curve in found
    )
    refusals = "".join(
        f"<tr><td>{html.escape(refusal.who)} {html.escape(refusal.tried)}"
        f"<td class=reason>{html.escape(refusal.reason)}</tr>\n"
        for refusal in outcome.refusals
    )
    page.write_text(
        PAGE.substitute(
            flight_count=f"{counts[0]:,}",
            hour_count=f"{counts[1]:,}",
            models=models,
            sentence=html.escape(sentence(found)),
            picture=picture.name,
            refusals=refusals,
            bucket=html.escape(place),
            export=html.escape(outcome.export),
        ),
        encoding="utf-8",
    )


def sentence(found: list[Curve]) -> str:
    """What was learned, in a sentence; it says what happened, whichever way it went."""
    by_title = {curve.trained.title: curve.auc for curve in found}
    alone, first = by_title["Flights alone"], by_title["Flights and weather"]
    second = by_title["Flights and weather, version 2"]
    return (
        f"On the airline's data alone the area under the curve is {alone:.3f}; with the weather it is {first:.3f} "
        f"({first - alone:+.3f}), and after October and November were learned too {second:.3f} ({second - first:+.3f})."
    )
