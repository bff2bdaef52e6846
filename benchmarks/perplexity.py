"""What 8 bits cost in quality: perplexity of a model on texts, as it answers and in float32.

    python benchmarks/perplexity.py MODEL TEXT.txt [TEXT.txt ...] [--tokens 2048]

Both read the same file through the same engine, so the difference is the rounding alone.  Windows
of 512 tokens, each from nothing; the first token of a window is not predicted.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch

from fireside.engine.load import load_runner, load_tokenizer
from fireside.engine.runner import Chunk, Runner
from fireside.hub import locate
from fireside.settings import load_settings

WINDOW = 512


def loss(runner: Runner, ids: list[int]) -> tuple[float, int]:
    """Sum of the losses in nats, and of how many tokens."""
    total, count = 0.0, 0
    blocks = list(range(-(-WINDOW // runner.block_size)))
    for begin in range(0, len(ids) - 1, WINDOW):
        window = ids[begin : begin + WINDOW]
        chunk = Chunk(token_ids=window, start=0, blocks=blocks, logits=len(window))
        logits = runner.run([chunk])[:-1]
        total += torch.nn.functional.cross_entropy(
            torch.from_numpy(logits), torch.tensor(window[1:]), reduction="sum"
        ).item()
        count += len(window) - 1
    return total, count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="a name or a path, as for `fireside chat`")
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--tokens", type=int, default=2048, help="of each text, from its start")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    settings = load_settings()
    local = locate(arguments.model, settings.models_dir)
    encode = load_tokenizer(local).encode
    texts = {
        path.name: encode(path.read_text(encoding="utf-8")[: 16 * arguments.tokens])
        for path in arguments.texts
    }
    found: dict[str, dict[str, float]] = {name: {} for name in texts}
    totals: dict[str, list[tuple[float, int]]] = {}
    for precision in ("auto", "float32"):
        runner = load_runner(local, settings.model_copy(update={"precision": precision}))
        for name, ids in texts.items():
            part = loss(runner, ids[: arguments.tokens])
            totals.setdefault(precision, []).append(part)
            found[name][precision] = math.exp(part[0] / part[1])
    found["all"] = {
        precision: math.exp(sum(nats for nats, _ in parts) / sum(count for _, count in parts))
        for precision, parts in totals.items()
    }
    for figures in found.values():
        figures["ratio"] = figures["auto"] / figures["float32"]
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'perplexity':<32}{'auto':>10}{'float32':>10}{'ratio':>9}")
    for name, figures in found.items():
        row = f"{figures['auto']:10.3f}{figures['float32']:10.3f}{figures['ratio']:9.4f}"
        print(f"{name:<32}{row}")


if __name__ == "__main__":
    main()
