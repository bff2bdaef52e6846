"""Answers that run away: how many there are, how many the guard lets through, what it cuts wrongly.

    python benchmarks/runaway.py ask --out rows.jsonl
    python benchmarks/runaway.py judge rows.jsonl [--show 50]
    python benchmarks/runaway.py texts FOLDER…

`ask`: 500 prompts in ten languages (`runaway_prompts.json`, and questions of the data sets of
../shared/data), each answered by the model as a chat asks it.  It goes on where it was stopped.

`judge`: an answer runs away where zlib packs its last 600 characters, in UTF-8, to a quarter or
less, or 60 words, ideographs or pictures in a row hold 12 different ones at most.  Neither is the
guard's own rule.  Before: the answer as the model wrote it; after: what the guard shows of it.

`texts`: good long texts that must pass whole: of each file that is text, 4,000 characters at one
or more random places, at most `--each` files of one ending.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import threading
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from fireside.assistant.repetition import RepetitionGuard
from fireside.engine.models import Models
from fireside.engine.params import SamplingParams
from fireside.messages import Message
from fireside.settings import load_settings

DATA: Final = Path("../shared/data")
PROMPTS: Final = Path(__file__).with_name("runaway_prompts.json")
ENDINGS: Final = re.compile(
    r"\.(bib|c|cfg|conf|cpp|css|csv|dat|go|h|html?|ini|java|js|jsonl?|md|mjs|ts|tsv|tab|pot?|pyi?|r"
    r"|rb|rs|rst|sh|sql|srt|svg|tex|toml|txt|vtt|xml|ya?ml)",
    re.I,
)
NAMES: Final = re.compile(
    r"LICEN[CS]E|COPYING|README|NOTICE|AUTHORS|CHANGE|METADATA|copyright", re.I
)
LETTERS: Final = 4000
WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u2190-\U0001ffff]|[^\W\d_]+")


def questions(name: str, count: int) -> list[str]:
    """Of a data set, always the same ones."""
    path = DATA / name
    if name.endswith(".csv"):
        with path.open(encoding="utf-8", newline="") as file:
            found = [row["utterance"] for row in csv.DictReader(file)]
    elif name.endswith(".tsv"):
        found = [line.split("\t")[1] for line in path.read_text(encoding="utf-8").splitlines()]
    elif name.endswith(".jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found = [row.get("question") or _instruction(row["prompt"]) for row in rows]
    else:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        paragraphs = [each for article in articles for each in article["paragraphs"]]
        found = [qa["question"] for each in paragraphs for qa in each["qas"]]
    return random.Random(7).sample(found, count)


def _instruction(prompt: str) -> str:
    return prompt.split("### Instruction:\n")[1].split("\n\n### Response")[0]


def prompts() -> list[tuple[str, str]]:
    """(language, prompt): fifty of each language, shuffled."""
    made: list[tuple[str, str]] = []
    for language, table in json.loads(PROMPTS.read_text(encoding="utf-8")).items():
        asked = [*table["own"]]
        asked += [
            each.format(topic) for each in table.get("templates", ()) for topic in table["topics"]
        ]
        for name, count in table.get("sets", {}).items():
            asked += questions(name, count)
        made += [(language, each) for each in asked]
    random.Random(3).shuffle(made)
    return made


def ask(args: argparse.Namespace) -> None:
    asked = prompts()
    done = set()
    if args.out.exists():
        done = {json.loads(line)["number"] for line in args.out.read_text("utf-8").splitlines()}
    models = Models(load_settings())
    model = models.get(args.model)
    sampling = dict(model.entry.sampling if model.entry else {}) | json.loads(args.sampling)
    writing = threading.Lock()

    with args.out.open("a", encoding="utf-8") as file:

        def answer(number: int) -> None:
            language, prompt = asked[number]
            ids = model.tokenizer.render([Message(role="user", content=prompt)]).ids
            params = SamplingParams(**sampling, seed=number, max_tokens=args.most)
            pieces, end = [], None
            for event in model.generate(ids, params):
                pieces.append(event.text)
                end = event.finish_reason or end
            row = {
                "number": number,
                "language": language,
                "prompt": prompt,
                "pieces": pieces,
                "end": end,
            }
            with writing:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()

        with ThreadPoolExecutor(args.beside) as pool:
            list(pool.map(answer, [n for n in range(len(asked)) if n not in done]))
    models.close()


def runs_away(text: str) -> bool:
    tail = text[-600:].encode()
    if len(text) >= 200 and len(zlib.compress(tail, 9)) * 4 <= len(tail):
        return True
    words = WORD.findall(text.lower())
    return any(len(set(words[at : at + 60])) <= 12 for at in range(0, len(words) - 59, 10))


def shown_of(row: dict[str, Any]) -> tuple[str, RepetitionGuard]:
    guard = RepetitionGuard()
    shown = "".join(guard.feed(piece) for piece in row["pieces"])
    return shown + guard.finish(is_cut=row["end"] == "length"), guard


def judge(args: argparse.Namespace) -> None:
    rows = [json.loads(line) for line in args.rows.read_text(encoding="utf-8").splitlines()]
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    wrong = []
    for row in rows:
        text, language = "".join(row["pieces"]), row["language"]
        shown, guard = shown_of(row)
        was, still = runs_away(text), runs_away(shown)
        before[language] += was
        after[language] += still
        ended[language] += guard.found is not None
        if guard.found is not None and not was:
            wrong.append((row, shown))
        if still:
            print("RUNS AWAY STILL", row["number"], repr(shown[-200:]))
    print("language answers before after ended")
    for language, count in sorted(Counter(row["language"] for row in rows).items()):
        print(language, count, before[language], after[language], ended[language])
    total = len(rows)
    print(
        f"all {total}: {before.total()} ({100 * before.total() / total:.1f} %) before, "
        f"{after.total()} ({100 * after.total() / total:.1f} %) after; ended {ended.total()}, "
        f"of them not called runaway by the judge: {len(wrong)}"
    )
    for row, shown in wrong:
        print("ENDED", row["number"], repr(shown[-120:]), "…", repr("".join(row["pieces"])[-200:]))
    for row in random.Random(1).sample(rows, min(args.show, total)):
        print(row["number"], row["language"], row["end"], repr(shown_of(row)[0][-300:]))


def text_files(folders: Sequence[Path], each: int, pieces: int) -> Iterator[tuple[Path, str]]:
    files = sorted({f for folder in folders for f in folder.rglob("*") if is_text(f)})
    random.Random(5).shuffle(files)
    taken: Counter[str] = Counter()
    for file in files:
        kind = file.suffix.lower() or "no ending"
        if taken[kind] >= each:
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        if len(text) < LETTERS // 2:
            continue
        taken[kind] += 1
        places = random.Random(file.name)
        for _ in range(min(pieces, 1 + len(text) // LETTERS)):
            at = places.randrange(max(1, len(text) - LETTERS))
            yield file, text[at : at + LETTERS]
    print("files:", dict(taken.most_common()))


def is_text(file: Path) -> bool:
    named = ENDINGS.fullmatch(file.suffix) or NAMES.match(file.name)
    return bool(named) and file.is_file() and LETTERS // 2 < file.stat().st_size < 20_000_000


def texts(args: argparse.Namespace) -> None:
    count = cut = 0
    for file, text in text_files(args.folders, args.each, args.pieces):
        guard = RepetitionGuard()
        shown = guard.feed(text) + guard.finish()
        count += 1
        if guard.found is not None:
            cut += 1
            print(file, guard.found, repr(shown[-200:]))
    print(f"{count} texts, {cut} cut ({100 * cut / max(1, count):.2f} %)")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(required=True)
    asking = commands.add_parser("ask")
    asking.add_argument("--out", type=Path, required=True)
    asking.add_argument("--model", default="smollm2:135m")
    asking.add_argument("--most", type=int, default=400, help="tokens of an answer")
    asking.add_argument("--sampling", default="{}", help="JSON, over the model's own")
    asking.add_argument("--beside", type=int, default=24, help="answers at once")
    asking.set_defaults(run=ask)
    judging = commands.add_parser("judge")
    judging.add_argument("rows", type=Path)
    judging.add_argument("--show", type=int, default=0)
    judging.set_defaults(run=judge)
    passing = commands.add_parser("texts")
    passing.add_argument("folders", type=Path, nargs="+")
    passing.add_argument("--each", type=int, default=40, help="files of one ending")
    passing.add_argument("--pieces", type=int, default=1, help="of one file")
    passing.set_defaults(run=texts)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
