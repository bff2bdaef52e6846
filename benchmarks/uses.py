"""What the personas of `fireside run` make of texts that people have treated too.

    python benchmarks/uses.py extracts     --data ../shared/data/instructions_train.jsonl
    python benchmarks/uses.py summaries    --data ../shared/data/instructions_train.jsonl
    python benchmarks/uses.py translations --data runs/translator-data/held_out.jsonl [--model NAME]

`summaries`: ROUGE of a model's summaries and of the text's own first sentences, which are hard to
beat (Nallapati et al. 2017), on those rows of the data whose question is about the text as a whole;
the references are people's answers, and each summary may have as many words as its reference.
`extracts`: the same of the shipped summariser's extracts, without a model; beside the first
sentences stand as many first words as are allowed, for a sentence rarely ends there.
`translations`: chrF of the translator on pairs of `examples/recipes/translator`.
Each figure stands with its standard error over the texts.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from fireside.assistant.persona import Personas
from fireside.assistant.uses.asking import Asking
from fireside.assistant.uses.extract import extract
from fireside.assistant.uses.summarise import summarise
from fireside.assistant.uses.translate import translate
from fireside.engine.models import Models
from fireside.evaluation.scores import mean_score
from fireside.evaluation.translation import chrf_score
from fireside.graders.similarity import METRICS
from fireside.language.sentences import sentences
from fireside.settings import load_settings

ABOUT_ALL_OF_IT = re.compile(
    r"summar|overview|highlights|tell me about|please explain about|main (points|facts|reasons)|"
    r"key (points|takeaways)|^who (is|was)|^what (is|was)( an?| the)? [\w'’ -]+\??$|\bin general\b",
    re.IGNORECASE,
)
LEAST_WORDS = 120  # of a text
ROUGE = ("rouge_1", "rouge_2", "rouge_l")


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """(text, reference) of the rows that ask for what a whole text says."""
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        body = row["prompt"].partition("### Instruction:\n")[2].partition("\n\n### Response")[0]
        question, _, text = body.partition("\n")
        length, wanted = len(text.split()), len(row["response"].split())
        if (
            length >= LEAST_WORDS
            and 25 <= wanted <= length / 2
            and ABOUT_ALL_OF_IT.search(question)
        ):
            yield text, row["response"]


Way = Callable[[str, int], str]


def summaries(models: Models, args: argparse.Namespace) -> None:
    model = models.get(args.model)
    ask = Asking(model, instructions=Personas().get("summariser").instructions)
    print(model.name)
    compared({"summariser": lambda text, words: summarise(ask, text, words).text}, args)


def extracts(models: Models, args: argparse.Namespace) -> None:
    compared(
        {
            "extract": lambda text, words: extract(text, words).text,
            "first words": lambda text, words: " ".join(text.split()[:words]),
        },
        args,
    )


def compared(ways: dict[str, Way], args: argparse.Namespace) -> None:
    """Each beside the first sentences, with the mean difference to the first of `ways`."""
    chosen = list(texts(args.data))[: args.most]
    references = [reference for _, reference in chosen]
    lengths = [len(reference.split()) for reference in references]
    print(f"{len(chosen)} texts, references of {min(lengths)} to {max(lengths)} words", flush=True)
    ways = {**ways, "first sentences": first}
    made = {
        name: [way(text, words) for (text, _), words in zip(chosen, lengths, strict=True)]
        for name, way in ways.items()
    }
    ours = next(iter(made.values()))
    for name, told in made.items():
        longer = sum(len(o.split()) > most for o, most in zip(told, lengths, strict=True))
        used = sum(len(each.split()) for each in told) / sum(lengths)
        shares = [tell(metric, told, references) for metric in ROUGE]
        print(
            f"{name:16} {'  '.join(shares)}  words used: {used:.0%}, too long: {longer}", flush=True
        )
        if told is not ours:
            leads = [lead(metric, ours, told, references) for metric in ROUGE]
            print(f"{'  ours is ahead by':16} {'  '.join(leads)}", flush=True)


def lead(metric: str, ours: Sequence[str], theirs: Sequence[str], references: Sequence[str]) -> str:
    score = METRICS[metric]
    rows = zip(ours, theirs, references, strict=True)
    mean = mean_score("", metric, [score(one, ref) - score(other, ref) for one, other, ref in rows])
    return f"{100 * mean.value:+.1f} ± {100 * (mean.stderr or 0):.1f}"


def first(text: str, words: int) -> str:
    """As many of the text's first sentences as fit; of the first, as many words."""
    kept: list[str] = []
    for sentence in sentences(text):
        if len(" ".join([*kept, sentence]).split()) > words:
            break
        kept.append(sentence)
    return " ".join(kept) or " ".join(text.split()[:words])


def tell(metric: str, made: Sequence[str], references: Sequence[str]) -> str:
    pairs = zip(made, references, strict=True)
    score = mean_score("", metric, [METRICS[metric](ours, theirs) for ours, theirs in pairs])
    return f"{metric} {100 * score.value:.1f} ± {100 * (score.stderr or 0):.1f}"


def translations(models: Models, args: argparse.Namespace) -> None:
    model = models.get(args.model)
    ask = Asking(model, instructions=Personas().get("translator").instructions)
    rows = [json.loads(line) for line in args.data.read_text("utf-8").splitlines()][: args.most]
    made = [translate(ask, row["english"], "Chinese", {}).text for row in rows]
    score = chrf_score("translations", made, [row["chinese"] for row in rows])
    print(
        f"{model.name}: chrF {score.value:.1f} ± {score.stderr or 0:.1f} of {len(rows)} sentences"
    )
    for row, one in list(zip(rows, made, strict=True))[: args.show]:
        print(f"  {row['english']}\n    {row['chinese']}\n    {one}")


PARTS = {"extracts": extracts, "summaries": summaries, "translations": translations}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", help="a model's name or folder; else the default one")
    parser.add_argument("--most", type=int, default=10**9, help="texts, at most")
    parser.add_argument("--show", type=int, default=0, help="so many translations")
    args = parser.parse_args()
    with closing(Models(load_settings())) as models:
        PARTS[args.part](models, args)


if __name__ == "__main__":
    main()
