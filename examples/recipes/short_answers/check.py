"""What DPO changed: held-out preference accuracy, and perplexity on text that it never saw.

    python examples/recipes/short_answers/check.py runs/short-answers TEXT_FILE

Accuracy is DPO's own: the share of held-out pairs whose chosen answer gained more, against the
base, than the rejected one.  An untouched model stands at 50 % (every pair is a tie).
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
import torch.nn.functional as F

from fireside.data.readers import read_examples
from fireside.data.source import Source
from fireside.data.tokenised import Tokens, tokenise
from fireside.hub.local import locate
from fireside.model.load import load_model
from fireside.model.tokenizer import load_tokenizer
from fireside.model.transformer import Transformer
from fireside.settings import load_settings
from fireside.training.answers import Answer, Reference

HERE = Path(__file__).parent
WINDOW = 256


def perplexity(model: Transformer, ids: list[int]) -> float:
    total, count = 0.0, 0
    with torch.no_grad():
        for begin in range(0, len(ids) - WINDOW, WINDOW):
            window = torch.tensor([ids[begin : begin + WINDOW + 1]])
            logits = model(window[:, :-1])[0]
            total += float(F.cross_entropy(logits, window[0, 1:], reduction="sum"))
            count += WINDOW
    return math.exp(total / count)


def main(base: str, run: str, text: Path, characters: int) -> None:
    models = load_settings().models_dir
    found = [locate(name, models) for name in (base, run)]
    tokenizer = load_tokenizer(found[0])
    examples = list(read_examples([Source(path=str(HERE / "held_out.jsonl"))], "preference"))
    made = tokenise(examples, tokenizer, length=None, too_long="drop")
    pairs = [tokens.parts for tokens in made if isinstance(tokens, Tokens)]
    answers = [Answer(prompt=pair[0], answer=one) for pair in pairs for one in pair[1:]]
    ids = tokenizer.encode(text.read_text(encoding="utf-8")[:characters])
    said, read = [], []
    for local in found:
        model = load_model(local)
        said.append(Reference.of(model, answers)(answers).view(-1, 2))
        read.append(perplexity(model, ids))
        del model
    gained = (said[1] - said[0]).diff(dim=1)[:, 0].neg()  # the chosen answer's, over the other's
    hits = (gained > 0).double() + 0.5 * (gained == 0).double()
    error = float(hits.std()) / math.sqrt(len(hits))
    print(f"held-out preference accuracy: 50 % -> {100 * float(hits.mean()):.1f} % ", end="")
    print(f"(± {100 * error:.1f}, {len(hits)} pairs)")
    print(f"perplexity of {text.name}: {read[0]:.2f} -> {read[1]:.2f}", end="")
    print(f" ({100 * (read[1] / read[0] - 1):+.1f} %)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("text", type=Path)
    parser.add_argument("--base", default="smollm2:135m")
    parser.add_argument("--characters", type=int, default=20_000)
    given = parser.parse_args()
    main(given.base, given.run, given.text, given.characters)
