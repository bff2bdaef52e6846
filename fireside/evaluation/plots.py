"""Plots as inline SVG: bars with their error, differences, calibration, bits along a text.

Colours are the page's CSS variables, so one plot serves light and dark; words stay in HTML where
they can, because letters in a stretched SVG stretch.  Refuses scripts and outside files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from fireside.evaluation.compare import Comparison
from fireside.evaluation.scores import Score

SIDE = 240
Z95 = 1.96


def bar(score: Score, series: int = 0) -> str:
    """A share from 0 to 1 with its 95 % interval, and a mark where guessing stands."""
    value = min(1.0, max(0.0, score.value)) * 100
    parts = [
        '<rect class="track" x="0" y="2" width="100" height="8"/>',
        f'<rect class="s{series}" x="0" y="2" width="{value:.2f}" height="8"/>',
    ]
    if score.stderr is not None:
        low, high = (
            min(100.0, max(0.0, value + side * Z95 * score.stderr * 100)) for side in (-1, 1)
        )
        parts.append(
            f'<path class="whisker" d="M{low:.2f} 6H{high:.2f}M{low:.2f} 4V8M{high:.2f} 4V8"/>'
        )
    if score.chance is not None:
        at = score.chance * 100
        parts.append(f'<path class="chance" d="M{at:.2f} 0V12"/>')
    return _svg(100, 12, parts, f"{score.task} {score.metric}: {score}", stretch=True)


def difference(one: Comparison, reach: float) -> str:
    """A difference with its 95 % interval on an axis from -reach to +reach."""

    def x(value: float) -> float:
        return 50 + 50 * max(-1.0, min(1.0, value / reach)) if reach else 50.0

    error = Z95 * (one.stderr or 0.0)
    low, high, at = x(one.difference - error), x(one.difference + error), x(one.difference)
    kind = "clear" if one.p_value < 0.05 else "unclear"
    parts = [
        '<path class="axis" d="M0 6H100M50 0V12"/>',
        f'<path class="whisker {kind}" d="M{low:.2f} 6H{high:.2f}"/>',
        f'<path class="point {kind}" d="M{at:.2f} 2V10"/>',
    ]
    return _svg(100, 12, parts, f"{one.task} {one.metric}: {one.shown}", stretch=True)


def reliability(bins: Sequence[Mapping[str, float]], series: int = 0) -> str:
    """Accuracy by confidence; the diagonal is a model that knows how sure it may be."""
    left, top, side = 46, 8, SIDE - 66

    def x(share: float) -> float:
        return left + share * side

    def y(share: float) -> float:
        return top + (1 - share) * side

    end = top + side
    parts = [
        f'<path class="grid" d="M{left} {y(share):.1f}H{left + side}M{x(share):.1f} {top}V{end}"/>'
        f'<text x="{left - 5}" y="{y(share) + 3:.1f}" text-anchor="end">{share:.0%}</text>'
        f'<text x="{x(share):.1f}" y="{end + 13}" text-anchor="middle">{share:.0%}</text>'
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    parts.append(f'<path class="axis dashed" d="M{x(0)} {y(0)}L{x(1)} {y(1)}"/>')
    most = max((one["n"] for one in bins), default=1)
    for one in bins:
        radius = 3 + 6 * (one["n"] / most) ** 0.5
        across, up = x(one["confidence"]), y(one["accuracy"])
        parts.append(
            f'<circle class="s{series}" cx="{across:.1f}" cy="{up:.1f}" '
            f'r="{radius:.1f}"><title>{one["n"]} answers, {one["confidence"]:.0%} sure, '
            f"{one['accuracy']:.0%} right</title></circle>"
        )
    parts.append(
        f'<text x="{left + side / 2}" y="{end + 32}" text-anchor="middle">how sure</text>'
        f'<text transform="translate(10 {top + side / 2}) rotate(-90)" text-anchor="middle">'
        "how often right</text>"
    )
    return _svg(SIDE, SIDE, parts, "Calibration: accuracy by confidence")


def bits_along(bits: Sequence[float], series: int = 0) -> str:
    """Bits per byte of each piece of a text, in order."""
    width, height, left, top = 360, 130, 26, 8
    most = max([*bits, 1.0])
    step = (width - left - 6) / max(1, len(bits) - 1)

    def y(value: float) -> float:
        return top + (1 - value / most) * (height - 30)

    parts = [
        f'<path class="grid" d="M{left} {y(tick):.1f}H{width}"/>'
        f'<text x="{left - 5}" y="{y(tick) + 3:.1f}" text-anchor="end">{tick:.1f}</text>'
        for tick in (0.0, most / 2, most)
    ]
    points = "L".join(f"{left + i * step:.1f} {y(value):.1f}" for i, value in enumerate(bits))
    parts.append(f'<path class="line s{series}" d="M{points}"/>')
    parts.append(
        f'<text x="{left}" y="{height - 4}">beginning</text>'
        f'<text x="{width - 6}" y="{height - 4}" text-anchor="end">end of the text</text>'
    )
    return _svg(width, height, parts, "Bits per byte along the text")


def _svg(
    width: int, height: int, parts: Sequence[str], label: str, *, stretch: bool = False
) -> str:
    shape = ' preserveAspectRatio="none"' if stretch else ""
    kind = "bar" if stretch else "plot"
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}"{shape} role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
