"""Reading: does the search find the passage, does the answer match, does the citation hold?

    python benchmarks/reading.py retrieval --data ../shared/data/xquad_en.json
    python benchmarks/reading.py retrieval --data ../shared/data/xquad_zh.json
    python benchmarks/reading.py nothing   --data ../shared/data/xquad_en.json
    python benchmarks/reading.py answers   --data ../shared/data/xquad_en.json --questions 300
    python benchmarks/reading.py citations --data ../shared/data/xquad_en.json --questions 150

Every part puts all paragraphs, each as a file, into one vector store of a database of its own and
asks it as `file_search` does.  `retrieval`: how often the right paragraph is among the passages
found.  `nothing`: how well a passage's score tells questions that the store can answer from those
that it cannot: the question's own paragraph is taken out of what was found (near), or its whole
article (far).  `answers`: exact match and F1, as SQuAD has them, of the model's answers.
`citations`: answers that are right (the model's own; with `--expected` the expected ones), cited
rightly and wrongly, and what verification makes of both.
Each figure stands with its standard error over the questions.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from shelf import RANKINGS, Asked, Book, Found, Shelf, auroc, share, shelved

from fireside.assistant.citations import rises_of, segments
from fireside.assistant.exchange import Source
from fireside.assistant.likelihood import Spoken, logprobs, mean
from fireside.assistant.sources import MARK, unmarked_answer, with_sources
from fireside.engine.models import Models
from fireside.engine.params import SamplingParams
from fireside.engine.text import Generation, TextModel
from fireside.evaluation.scores import mean_score
from fireside.evaluation.squad import exact_match, f1, normalised
from fireside.messages import Message
from fireside.safety.injection import RULE
from fireside.settings import load_settings

TOGETHER = 32  # questions that are answered at once
INSTRUCTIONS = (
    "Answer from the passages, in a few of their words, and write the passage's number in square "
    "brackets. If they do not answer the question, say: That is not in the passages."
)


def retrieval(book: Book, shelf: Shelf, asked: Sequence[Asked], args: argparse.Namespace) -> None:
    for name, ranking in RANKINGS.items():
        at = {1: 0, 5: 0}
        began = time.perf_counter()
        for one in asked:
            found = [each.paragraph for each in shelf.search(one.question, 5, ranking)]
            for most in at:
                at[most] += one.paragraph in found[:most]
        each = (time.perf_counter() - began) / len(asked)
        shares = "  ".join(f"recall@{k} {share(n, len(asked))}" for k, n in at.items())
        print(f"{name:8} {shares}  {each * 1000:.0f} ms a question", flush=True)


def nothing(book: Book, shelf: Shelf, asked: Sequence[Asked], args: argparse.Namespace) -> None:
    """Best scores where the answer is there, where only its article is, and where nothing is."""
    rows: dict[str, dict[str, list[float]]] = {}
    for one in asked:
        found = shelf.search(one.question, 40)
        near = [each for each in found if each.paragraph != one.paragraph]
        far = [each for each in near if book.articles[each.paragraph] != one.article]
        for kind, left in (("there", found), ("near", near), ("far", far)):
            for signal in ("score", "embedding", "text"):
                values = [
                    each.passage.score if signal == "score" else each.passage.scores[signal]
                    for each in left
                ]
                rows.setdefault(signal, {}).setdefault(kind, []).append(max(values, default=0.0))
    for signal, kinds in rows.items():
        told = (f"{kind} {auroc(kinds['there'], kinds[kind]):.3f}" for kind in ("near", "far"))
        print(f"{signal:10} AUROC {'  '.join(told)}")
    print("threshold: share of answerable questions kept, of near and far ones refused")
    scores = rows["score"]
    for step in range(5, 65, 5):
        line = step / 100
        kept = sum(each >= line for each in scores["there"])
        shut = [sum(each < line for each in scores[kind]) for kind in ("near", "far")]
        n = len(asked)
        refused = f"near {share(shut[0], n)}  far {share(shut[1], n)}"
        print(f"  {line:.2f}  kept {share(kept, n)}  {refused}")


def answers(book: Book, shelf: Shelf, asked: Sequence[Asked], args: argparse.Namespace) -> None:
    """The model's answers over what was found, as the assistant asks it; and over passages that
    cannot answer: those of other articles."""
    model = shelf.models.get(args.model)
    figures: dict[str, list[float]] = {}
    for begin in range(0, len(asked), TOGETHER):
        some = asked[begin : begin + TOGETHER]
        found = [shelf.search(one.question, 40) for one in some]
        far = [
            [each for each in these if book.articles[each.paragraph] != one.article]
            for one, these in zip(some, found, strict=True)
        ]
        there = [say(model, one, these, args) for one, these in zip(some, found, strict=True)]
        without = [say(model, one, these, args) for one, these in zip(some, far, strict=True)]
        for one, generation, other in zip(some, there, without, strict=True):
            answer, elsewhere = text_of(generation), text_of(other)
            plain = unmarked_answer(answer).strip()
            for name, value in (
                ("exact match", exact_match(plain, [one.answer])),
                ("F1", f1(plain, [one.answer])),
                ("holds the answer", normalised(one.answer) in normalised(plain)),
                ("cites", bool(MARK.search(answer))),
                ("says not there, wrongly", args.not_there in answer),
                ("says not there, rightly", args.not_there in elsewhere),
            ):
                figures.setdefault(name, []).append(float(value))
    for name, values in figures.items():
        print(f"{name:24} {mean_score('answers', name, values, percent=True)}", flush=True)


def citations(book: Book, shelf: Shelf, asked: Sequence[Asked], args: argparse.Namespace) -> None:
    """Right answers, each with its own paragraph and with the others found."""
    model = shelf.models.get(args.model)
    rows, first = list[tuple[bool, float, float]](), list[float]()  # true, rise, best other's
    inside: dict[bool, list[float]] = {True: [], False: []}
    wall = work = 0.0
    passages = 0
    for one in asked:
        found = shelf.search(one.question, args.passages)
        own = [each for each in found if each.paragraph == one.paragraph]
        if not own:
            continue
        sentence = one.answer
        if not args.expected:
            answer = unmarked_answer(text_of(say(model, one, own[:1], args))).strip()
            sentence = segments(answer, ())[0].text if answer else ""
        if normalised(one.answer) not in normalised(sentence):
            continue  # it is not known where a wrong answer comes from
        sources = numbered_sources(found)
        wall, work = wall - time.perf_counter(), work - time.process_time()
        rises = rises_of(model, one.question, sources, [sentence], owner="")
        wall, work = wall + time.perf_counter(), work + time.process_time()
        passages += len(sources)
        for each, source in zip(found, sources, strict=True):
            true = each.paragraph == one.paragraph
            if true != (normalised(one.answer) in normalised(each.passage.text)):
                continue  # another paragraph that says it, or a piece of its own that does not
            others = [rise[0] for number, rise in rises.items() if number != source.number]
            rows.append((true, rises[source.number][0], max(others, default=-99.0)))
        best = max(sources, key=lambda source: rises[source.number][0])
        first.append(float(found[best.number - 1].paragraph == one.paragraph))
        if len(first) <= args.inside:
            for true, fall in falls(model, one, found, sentence):
                inside[true].append(fall)
        if args.out:
            args.out.write_text(json.dumps(rows))
    tell_citations(rows, first)
    ms = [1000 * seconds / passages for seconds in (wall, work)]
    print(f"{ms[0]:.0f} ms a passage, {ms[1]:.0f} ms of processor")
    if inside[True]:
        print(f"taken out from among the others: AUROC {auroc(inside[True], inside[False]):.3f}")


def tell_citations(rows: Sequence[tuple[bool, float, float]], first: Sequence[float]) -> None:
    """By the rise alone, and beside that of the best other passage."""
    true = [row for row in rows if row[0]]
    false = [row for row in rows if not row[0]]
    print(f"{len(first)} answers, {len(true)} true citations, {len(false)} false ones")
    print(f"the best passage is a true one: {mean_score('citations', '', first, percent=True)}")
    print(f"AUROC of the rise {auroc([r[1] for r in true], [r[1] for r in false]):.3f}", end="; ")
    beside = [[rise - other for _, rise, other in part] for part in (true, false)]
    print(f"less the best other's {auroc(*beside):.3f}")
    print("true ones verified and false ones caught, by the least rise, and the share of the best")
    for least in (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0):
        for part in (0.0, 0.5, 0.7, 0.8, 1.0):
            held = [
                [rise >= least and rise >= part * other for _, rise, other in these]
                for these in (true, false)
            ]
            kept, through = share(sum(held[0]), len(true)), len(false) - sum(held[1])
            print(f"  {least:.1f}  {part:.1f}  {kept}  {share(through, len(false))}")


def falls(
    model: TextModel, one: Asked, found: Sequence[Found], sentence: str
) -> Iterator[tuple[bool, float]]:
    """The other way: each passage taken out from among all."""
    answer = model.tokenizer.encode(sentence)
    left = [[each for each in found if each is not out] for out in (None, *reversed(found))]
    spoken = [
        Spoken(prompt_of(model, one.question, numbered_sources(kept)), answer) for kept in left
    ]
    whole, *without = [mean(each) for each in logprobs(model, spoken, owner="")]
    for out, score in zip(reversed(found), without, strict=True):
        yield out.paragraph == one.paragraph, whole - score


def say(
    model: TextModel, one: Asked, found: Sequence[Found], args: argparse.Namespace
) -> Generation:
    params = SamplingParams(temperature=0.0, max_tokens=args.tokens)
    sources = numbered_sources(found[: args.passages])
    return model.generate(prompt_of(model, one.question, sources), params)


def text_of(generation: Generation) -> str:
    return "".join(event.text for event in generation)


def prompt_of(model: TextModel, question: str, sources: Sequence[Source]) -> list[int]:
    """As a persona with these instructions and collections asks it."""
    said = with_sources(Message(role="user", content=question), sources)
    system = Message(role="system", content=f"{INSTRUCTIONS}\n\n{RULE}")
    return model.tokenizer.render([system, said]).ids


def numbered_sources(found: Sequence[Found]) -> list[Source]:
    return [
        Source(
            number=number,
            text=each.passage.text,
            file_id=each.passage.file_id,
            filename=each.passage.filename,
            score=each.passage.score,
        )
        for number, each in enumerate(found, 1)
    ]


PARTS = {"retrieval": retrieval, "nothing": nothing, "answers": answers, "citations": citations}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", type=Path, required=True, help="XQuAD or SQuAD, as JSON")
    parser.add_argument("--questions", type=int, default=10**9, help="at most so many")
    parser.add_argument("--model", help="a model's name or folder; else the default one")
    parser.add_argument("--passages", type=int, default=5, help="that the model is shown")
    parser.add_argument("--tokens", type=int, default=40, help="of an answer, at most")
    parser.add_argument("--not-there", default="not in the passages", help="how the model says so")
    parser.add_argument("--expected", action="store_true", help="cite for the expected answers")
    parser.add_argument("--out", type=Path, help="where each citation's figures go, as JSON")
    parser.add_argument("--inside", type=int, default=0, help="answers ablated from among five too")
    args = parser.parse_args()
    book = Book.read(args.data)
    models = Models(load_settings())
    try:
        with shelved(book, models) as shelf:
            PARTS[args.part](book, shelf, book.some(args.questions), args)
    finally:
        models.close()


if __name__ == "__main__":
    main()
