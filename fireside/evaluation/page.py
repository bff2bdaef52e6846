"""Results as one HTML page: figures, plots, notes, and answers to read.

Everything that a model or a file wrote is escaped.  The page loads nothing, and runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from fireside.evaluation.compare import Comparison
from fireside.evaluation.outcome import Sample
from fireside.evaluation.plots import bar, bits_along, difference, reliability
from fireside.evaluation.results import Evaluation, Result
from fireside.evaluation.scores import Score


def page(results: Sequence[Result], comparisons: Sequence[Comparison] = ()) -> str:
    css = resources.files("fireside.evaluation").joinpath("page.css").read_text("utf-8")
    title = " and ".join(escape(result.model) for result in results)
    body = [
        f"<h1>{title}</h1>",
        f'<p class="dim">{_how(results[0])}</p>',
        _overview(results),
        _compared(results, comparisons) if comparisons else "",
        "<h2>Task by task</h2>",
        *(_task(results, number) for number in range(len(results[0].evaluations))),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}: evaluation</title><style>{css}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _how(result: Result) -> str:
    items = "all items" if result.limit is None else f"at most {result.limit:,} items a task"
    form = "asked through the chat template" if result.chat else "asked in plain text"
    return escape(f"Fireside {result.version}: {items}, drawn with seed {result.seed}, {form}.")


def _overview(results: Sequence[Result]) -> str:
    rows = []
    for number, first in enumerate(results[0].evaluations):
        for place, score in enumerate(first.scores):
            theirs = [_score_at(result, number, place) for result in results]
            plots = "".join(
                bar(one, series) if one.percent else "" for series, one in enumerate(theirs)
            )
            values = "<br>".join(escape(str(one)) for one in theirs)
            chance = "" if score.chance is None else f"{score.chance:.1%}"
            name = escape(first.task) if place == 0 else ""
            rows.append(
                f"<tr><td><b>{name}</b> {_metric(score)}</td>"
                f'<td class="number">{values}</td><td class="plot">{plots}</td>'
                f'<td class="number extra">{chance}</td>'
                f'<td class="number extra">{score.n:,}</td></tr>'
            )
    legend = ""
    if len(results) > 1:
        legend = '<p class="dim">' + " &nbsp; ".join(
            f'<span class="key s{series}"></span>{escape(result.model)}'
            for series, result in enumerate(results)
        )
        legend += "</p>"
    return (
        "<h2>Scores</h2>"
        f'{legend}<table class="scores"><thead><tr><th>task</th><th class="number">score ± '
        'standard error</th><th></th><th class="number">chance</th><th class="number">items</th>'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        '<p class="dim">Lines on the bars: 95 % intervals. Dashed: what guessing gives.</p>'
    )


def _score_at(result: Result, number: int, place: int) -> Score:
    return result.evaluations[number].scores[place]


WORDS = {
    "accuracy_norm": "accuracy, per character",
    "ece": "calibration error",
    "bits_per_byte": "bits per byte",
    "exact_match": "exact match",
    "sentiment_gap": "sentiment gap",
    "likelihood_gap": "likelihood gap",
}


def _metric(score: Score | Comparison) -> str:
    sign = " (less is better)" if score.higher_is_better is False else ""
    return f'<span class="dim">{escape(WORDS.get(score.metric, score.metric))}{sign}</span>'


def _compared(results: Sequence[Result], comparisons: Sequence[Comparison]) -> str:
    first, second = (escape(result.model) for result in results)
    names = {"first": first, "second": second}
    reach = {
        shares: max(
            (
                abs(one.difference) + 1.96 * (one.stderr or 0)
                for one in comparisons
                if one.percent == shares
            ),
            default=1.0,
        )
        for shares in (True, False)
    }
    rows = "".join(
        f"<tr><td><b>{escape(one.task)}</b> {_metric(one)}</td>"
        f'<td class="number">{escape(one.shown)}</td>'
        f'<td class="plot">{difference(one, reach[one.percent])}</td>'
        f'<td class="number extra">{one.better} / {one.worse}</td>'
        f'<td class="number">p = {one.p_value:.2g}</td>'
        f"<td>{names.get(one.verdict, one.verdict)}</td></tr>"
        for one in comparisons
    )
    tests = " and ".join(sorted({one.test for one in comparisons}))
    return (
        f'<h2>{second} minus {first}</h2><table class="scores"><thead><tr><th>task</th>'
        '<th class="number">difference ± standard error</th><th></th>'
        '<th class="number">more / less</th><th></th><th>better</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        f'<p class="dim">The same items for both; test: {escape(tests)}. One of twenty differences '
        "seems clear (p &lt; 0.05) by chance alone.</p>"
    )


def _task(results: Sequence[Result], number: int) -> str:
    first = results[0].evaluations[number]
    parts = [f"<h3>{escape(first.task)}</h3>"]
    shots = f", {first.shots} examples before each" if first.shots else ""
    parts.append(
        f'<p class="dim">{escape(_sentence(first.about or first.kind))} {first.n:,} items'
        f"{' of ' + escape(first.file) if first.file else ''}{shots}.</p>"
    )
    panels = "".join(
        _panel(result, number, series if len(results) > 1 else None)
        for series, result in enumerate(results)
    )
    return f'{"".join(parts)}<div class="panels">{panels}</div>'


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else text + "."


def _panel(result: Result, number: int, series: int | None) -> str:
    """What one model did in one task.  series: its colour, where there are two."""
    one = result.evaluations[number]
    who = ""
    if series is not None:
        who = f'<h4><span class="key s{series}"></span>{escape(result.model)}</h4>'
    notes = "".join(f"<p>{escape(note)}.</p>" for note in one.notes)
    took = f'<p class="dim">{one.seconds:,.0f} s.</p>'
    return f"<div>{who}{notes}{took}{_details(one, series or 0)}{_samples(one.samples)}</div>"


def _details(one: Evaluation, series: int) -> str:
    parts = []
    if bins := one.details.get("bins"):
        plot = reliability(bins, series)
        parts.append(f'<h4>Calibration</h4><div class="small">{plot}</div>')
    if mistakes := one.details.get("mistakes"):
        rows = "".join(
            f'<tr><td>{escape(gold)}</td><td>{escape(said)}</td><td class="number">{n}</td></tr>'
            for gold, said, n in mistakes
        )
        parts.append(
            '<h4>Most frequent mistakes</h4><table class="narrow"><thead><tr><th>it was</th>'
            '<th>it said</th><th class="number">times</th></tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )
    if bits := one.details.get("bits"):
        plot = bits_along(bits, series)
        parts.append(f'<h4>Bits per byte along the text</h4><div class="small">{plot}</div>')
    parts += [_axis(axis, series) for axis in one.details.get("axes", ())]
    return "".join(parts)


def _axis(axis: Mapping[str, Any], series: int) -> str:
    """One axis of the counterfactual probe."""
    rows = []
    for group in axis["groups"]:
        score = Score(
            task=axis["axis"],
            metric=group["group"],
            value=group["positive"],
            stderr=group["positive_stderr"],
            n=0,
            percent=True,
        )
        rows.append(
            f'<tr><td>{escape(group["group"])}</td><td class="number">{score}</td>'
            f'<td class="plot">{bar(score, series)}</td>'
            f'<td class="number extra">{group["likelihood"]:.2f}</td></tr>'
        )
    return (
        f"<h4>{escape(axis['axis'])}: sentiment gap {axis['sentiment_gap']:.1%}, likelihood gap "
        f"{axis['likelihood_gap']:.2f} nats</h4>"
        '<table class="scores narrow"><thead><tr><th>group</th>'
        '<th class="number">seen as positive</th><th></th>'
        '<th class="number">nats per token</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _samples(samples: Sequence[Sample]) -> str:
    if not samples:
        return ""
    words = {True: ("right", "right"), False: ("wrong", "wrong"), None: ("dim", "")}
    shown = "".join(
        f'<div class="sample"><pre>{escape(one.prompt)}</pre>'
        f"expected: {escape(one.expected)}<br>answer: {escape(one.answer)} "
        f'<b class="{words[one.right][0]}">{words[one.right][1]}</b></div>'
        for one in samples
    )
    return f"<details><summary>{len(samples)} items to read</summary>{shown}</details>"
