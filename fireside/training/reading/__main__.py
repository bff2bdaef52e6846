"""`python -m fireside.training.reading`: train the reader's answer head, or measure one.

    python -m fireside.training.reading train --data ../shared/data --out FOLDER
    python -m fireside.training.reading certainty --data ../shared/data --out FOLDER
    python -m fireside.training.reading measure ../shared/data/xquad_en.json --questions 500

`train` reads qa_reddit.json: seven eighths of its passages for the spans, the rest to tell how
likely an answer is right.  `certainty` fits that anew, and the two borders, on three sources; each
is judged by what was fitted on the two others.  `measure` reads any file in SQuAD's form, with the
head of this package or with `--head`, and prints each figure with its standard error and number.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fireside.errors import FiresideError

if TYPE_CHECKING:
    from fireside.engine.embedding import Embedder
    from fireside.training.reading.measure import Reading
    from fireside.training.reading.rows import Passage

TRAIN: Final = "qa_reddit.json"
SOURCES: Final = {"qa_reddit.json": 0.88, "qa_amazon_reviews.json": 0.0, "xquad_en.json": 0.0}
"""What certainty is fitted on, each from this share of its passages on: none that spans were."""
KEPT: Final = 0.88
"""Share of the passages that spans are trained on, from the first on."""
CALIBRATION: Final = 400  # questions
LAYERS: Final = 4
SOURCE: Final = (
    "SQuADShifts, the questions over Reddit comments (Miller, Krauth, Recht and Schmidt 2020, "
    "The Effect of Natural Distribution Shift on Question Answering Models), CC BY 4.0"
)


def main(arguments: list[str]) -> int:
    asked = _parser().parse_args(arguments)
    try:
        told = {"train": train, "certainty": certainty, "measure": measure}[asked.work](asked)
    except FiresideError as error:
        print(error.message, file=sys.stderr)
        return 1
    print(json.dumps(told, indent=2, ensure_ascii=False))
    return 0


def train(asked: argparse.Namespace) -> dict[str, Any]:
    import torch

    from fireside.knowledge.answers.head import AnswerHead, write_answer_head
    from fireside.knowledge.answers.reader import FEATURES
    from fireside.training.reading.fit import Matching, fit_matcher
    from fireside.training.reading.measure import rightness
    from fireside.training.reading.rows import material_of, passages_of

    torch.set_num_threads(1)  # a sum's order, and so the file, follows from the threads
    passages = passages_of(asked.data / TRAIN)
    cut = int(KEPT * len(passages))
    with _embedder() as embedder:
        material = material_of(passages[:cut], embedder, LAYERS)
        _say(f"{len(material.rows)} questions over {cut} passages")
        matcher = fit_matcher(
            material, Matching(epochs=asked.epochs), seed=asked.seed, listener=_say
        )
        head = AnswerHead(
            language="en",
            base=embedder.name,
            layers=LAYERS,
            matcher=matcher,
            slopes=torch.zeros(len(FEATURES)),
            shift=torch.tensor(0.0),
        )
        held = _readings(head, embedder, passages[cut:], CALIBRATION)
    slopes, shift = rightness(held)
    about = {
        "train": TRAIN,
        "source": SOURCE,
        "questions": len(material.rows),
        "calibration_questions": CALIBRATION,
        "epochs": asked.epochs,
        "seed": asked.seed,
        "torch": torch.__version__.partition("+")[0],
    }
    made = AnswerHead(
        language="en",
        base=head.base,
        layers=LAYERS,
        matcher=matcher,
        slopes=slopes,
        shift=shift,
        about=about,
    )
    path = asked.out / "answers-en.safetensors"
    write_answer_head(path, made)
    return {"file": path.name, "bytes": path.stat().st_size, **about}


def certainty(asked: argparse.Namespace) -> dict[str, Any]:
    import dataclasses

    import torch

    from fireside.knowledge.answers.head import read_answer_head, shipped_head, write_answer_head
    from fireside.training.reading.certainty import fit_certainty, judged_by, left_out
    from fireside.training.reading.rows import passages_of

    torch.set_num_threads(1)
    head = read_answer_head(asked.head) if asked.head else shipped_head()
    found = {}
    with _embedder() as embedder:
        for name, first in SOURCES.items():
            passages = passages_of(asked.data / name)
            kept = passages[int(first * len(passages)) :]
            dice = random.Random(1)  # noqa: S311  # a sample
            some = [kept[n] for n in sorted(dice.sample(range(len(kept)), min(240, len(kept))))]
            _say(f"{name}: {len(some)} passages")
            found[name] = _readings(head, embedder, some, asked.questions)
    made = fit_certainty(list(found.values()))
    judged = left_out(found)
    about = {**head.about, "certainty": [*SOURCES], "certainty_questions": asked.questions}
    head = dataclasses.replace(head, slopes=made.slopes, shift=made.shift, about=about)
    write_answer_head(asked.out / "answers-en.safetensors", head)
    own = {name: judged_by(made, rows) for name, rows in found.items()}
    return {
        "sure": made.sure,
        "least": made.least,
        "left out": {name: _figures(each) for name, each in judged.items()},
        "fitted on all": {name: _figures(each) for name, each in own.items()},
    }


def _figures(told: dict[str, Any]) -> dict[str, str]:
    return {name: _figure(*each) for name, each in told.items()}


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    from fireside.knowledge.answers.borders import LEAST, SURE
    from fireside.knowledge.answers.head import read_answer_head, shipped_head
    from fireside.training.reading.measure import by_kind, summary
    from fireside.training.reading.rows import passages_of

    head = read_answer_head(asked.head) if asked.head else shipped_head()
    with _embedder() as embedder:
        found = _readings(head, embedder, passages_of(asked.file), asked.questions)
    return {
        "file": asked.file.name,
        **{name: _figure(*each) for name, each in summary(found, SURE, LEAST).items()},
        "right sentence, by kind": {kind: _figure(*each) for kind, each in by_kind(found).items()},
    }


def _readings(
    head: Any, embedder: Embedder, passages: Sequence[Passage], questions: int
) -> list[Reading]:
    from fireside.knowledge.answers.reader import AnswerReader
    from fireside.training.reading.measure import readings

    asked = [(number, one) for number, each in enumerate(passages) for one in each.asked]
    some = random.Random(0).sample(asked, min(questions, len(asked)))  # noqa: S311  # a sample
    reader = AnswerReader(head, embedder, memory=100_000)
    return list(readings(reader, embedder, passages, some, _say))


@contextmanager
def _embedder() -> Iterator[Embedder]:
    from fireside.engine.embedding import load_embedder
    from fireside.hub import locate
    from fireside.settings import load_settings

    settings = load_settings()
    made = load_embedder(locate("minilm:l6", settings.models_dir), settings)
    try:
        yield made
    finally:
        made.close()


def _figure(value: float, error: float, number: int) -> str:
    return f"{value:.3f} ± {error:.3f} of {number}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fireside.training.reading",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    works = parser.add_subparsers(dest="work", required=True)
    training = works.add_parser("train")
    training.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder")
    training.add_argument("--epochs", type=int, default=3)
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--out", type=Path, required=True, help="a folder")
    fitting = works.add_parser("certainty")
    fitting.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder")
    fitting.add_argument("--questions", type=int, default=250, help="of each source")
    fitting.add_argument("--head", type=Path, help="a file; else the head of this package")
    fitting.add_argument("--out", type=Path, required=True, help="a folder")
    measuring = works.add_parser("measure")
    measuring.add_argument("file", type=Path, help="questions in SQuAD's form, as JSON")
    measuring.add_argument("--questions", type=int, default=500)
    measuring.add_argument("--head", type=Path, help="a file; else the head of this package")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
