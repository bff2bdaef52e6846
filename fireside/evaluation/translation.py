"""How near is a translation to the expected one?  chrF by sacrebleu (Popović 2015).

The score is the corpus's, its error a bootstrap over sentences; the items are the sentences' own
scores, for comparing two models on them.
"""

from __future__ import annotations

from collections.abc import Sequence

from fireside.data.extras import needed
from fireside.evaluation.scores import Score, bootstrap_error

RESAMPLES = 100  # each scores the whole corpus again


def chrf_score(task: str, answers: Sequence[str], expected: Sequence[str]) -> Score:
    """chrF2, from 0 to 100, with sacrebleu's defaults."""
    with needed("chrF"):
        from sacrebleu.metrics.chrf import CHRF
    metric = CHRF()
    got, want = [one.strip() for one in answers], [one.strip() for one in expected]

    def corpus(numbers: Sequence[int]) -> float:
        return float(
            metric.corpus_score([got[i] for i in numbers], [[want[i] for i in numbers]]).score
        )

    items = [float(metric.sentence_score(g, [w]).score) for g, w in zip(got, want, strict=True)]
    return Score(
        task=task,
        metric="chrf",
        value=corpus(range(len(got))),
        stderr=bootstrap_error(len(got), lambda drawn: corpus(drawn.tolist()), resamples=RESAMPLES),
        n=len(got),
        items=tuple(items),
    )
