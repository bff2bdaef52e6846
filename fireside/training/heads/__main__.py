"""`python -m fireside.training.heads NAME`: train a head, measure it, write it.

    sentiment     sst2_train.tsv, measured on sst2_dev.tsv; or --train, --dev, --language zh
    moderation    hate_speech_train.csv and harmless sentences
    injection     attacks in mails, instructions, articles

The file is `NAME-LANGUAGE.safetensors` in --out (default: FIRESIDE_HOME/heads, where the assistant
looks first).  The same data, seed and machine make the same file.  What is written is loaded again
and measured; those scores stand in its header.  It refuses to train any other model.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fireside.errors import BadRequest, FiresideError


def main(arguments: list[str]) -> int:
    asked = _parser().parse_args(arguments)
    try:
        about = make(asked)
    except FiresideError as error:
        print(error.message, file=sys.stderr)
        return 1
    print(json.dumps(about, indent=2))
    return 0


def make(asked: argparse.Namespace) -> Mapping[str, Any]:
    """Train, write, load, measure, and write with the scores."""
    import torch

    from fireside.hub import locate
    from fireside.safety.heads import Judge, read_head, write_head
    from fireside.settings import load_settings
    from fireside.training.heads.work import Work

    strange = asked.train or asked.dev or asked.neutral or asked.language != "en"
    if asked.name != "sentiment" and strange:
        raise BadRequest("--train, --dev, --neutral and --language belong to `sentiment`.")
    if asked.neutral and not asked.train:
        raise BadRequest("--neutral belongs to --train: the data folder has its own.")
    if bool(asked.train) != bool(asked.dev):
        raise BadRequest("--train needs --dev: what is not measured is not shipped.")
    torch.set_num_threads(1)  # a sum's order, and so the file, follows from the threads
    settings = load_settings()
    local = locate("minilm:l6", settings.models_dir)
    work = Work(local, settings, asked.seed, lambda line: print(line, file=sys.stderr))
    try:
        trained, measure = _recipe(asked, work)
        out = (
            asked.out or settings.home / "heads"
        ) / f"{trained.name}-{trained.language}.safetensors"
        with tempfile.TemporaryDirectory() as place:
            write_head(Path(place) / out.name, trained)
            scores = measure(Judge(read_head(Path(place) / out.name), work.embedder))
        about = {
            "command": _command(asked),
            "seed": asked.seed,
            "torch": torch.__version__.partition("+")[0],
            **trained.about,
            "scores": dict(scores),
        }
        write_head(out, dataclasses.replace(trained, about=about))
    finally:
        work.embedder.close()
    return {"file": out.name, "bytes": out.stat().st_size, **about}


def _recipe(asked: argparse.Namespace, work: Any) -> tuple[Any, Callable[[Any], Mapping[str, Any]]]:
    from fireside.training.heads import injection, moderation, sentiment
    from fireside.training.heads.rows import read_text, sentiments

    if asked.name == "sentiment":
        train = asked.train or asked.data / "sst2_train.tsv"
        dev = asked.dev or asked.data / "sst2_dev.tsv"
        sentiments(dev)  # a mistake in it is heard of before the training
        given = read_text(asked.neutral).split("\n") if asked.neutral else []
        calm = [line.strip() for line in given if line.strip()]
        seen = calm if asked.train else sentiment.neutral(asked.data, out=False)
        unseen = [] if asked.train else sentiment.neutral(asked.data, out=True)
        trained = sentiment.train(work, train, asked.language, seen)
        return trained, lambda judge: sentiment.measure(judge, dev, unseen)
    recipe = moderation if asked.name == "moderation" else injection
    return recipe.train(work, asked.data), lambda judge: recipe.measure(judge, asked.data)


def _command(asked: argparse.Namespace) -> str:
    """What makes this file again, without the places of this machine."""
    words = ["python -m fireside.training.heads", asked.name]
    for name in ("train", "dev", "neutral"):
        if getattr(asked, name):
            words += [f"--{name}", getattr(asked, name).name]
    if asked.language != "en":
        words += ["--language", asked.language]
    return " ".join([*words, "--seed", str(asked.seed)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fireside.training.heads",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=["sentiment", "moderation", "injection"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder")
    parser.add_argument("--train", type=Path, help="text<TAB>0|1, one in a line")
    parser.add_argument("--dev", type=Path, help="the same, to measure on")
    parser.add_argument("--neutral", type=Path, help="texts without a mood, one in a line")
    parser.add_argument("--language", default="en", help="of the texts: a BCP 47 tag")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a folder")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
