"""LoRA fine-tuning beside TRL + PEFT: tokens per second and memory, on the same chats.

    python benchmarks/tuning.py --data instructions_train.jsonl [--model smollm2:135m] [--threads 2]

Both tune the same model on the same questions and answers, in float32, with rank 16 on every
linear layer, AdamW, a loss on the answers only, and about as many tokens in each step: TRL takes
`--rows` examples, each padded to the longest of them; Fireside packs whole examples into rows of
`--length`, as many as carry as much as TRL's examples do on average.  What counts is tokens of
examples (question and answer, no padding) per second, over one epoch but its first step.  The sides
run one after the other, `--rounds` times, in processes of their own; memory is a process's peak.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIDES = ("fireside", "trl")


def chats(path: Path, model: str, length: int, most: int) -> tuple[list[dict[str, Any]], list[int]]:
    """Question and answer as messages, and their tokens: the first that fit `length`."""
    from fireside.hub.local import locate
    from fireside.messages import Message
    from fireside.model.tokenizer import load_tokenizer
    from fireside.settings import load_settings

    tokenizer = load_tokenizer(locate(model, load_settings().models_dir))
    found, sizes = [], []
    for line in path.open(encoding="utf-8"):
        row = json.loads(line)
        turns = [
            {"role": "user", "content": row["prompt"].strip()},
            {"role": "assistant", "content": row["response"].strip()},
        ]
        messages = [Message(role=turn["role"], content=turn["content"]) for turn in turns]  # type: ignore[arg-type]
        size = len(tokenizer.render(messages, add_generation_prompt=False).ids)
        if size <= length and len(found) < most:
            found.append({"messages": turns})
            sizes.append(size)
    return found, sizes


def fireside(args: argparse.Namespace, folder: Path) -> float:
    """Tokens per second of a run as `fireside finetune` does it."""
    from fireside.settings import load_settings
    from fireside.training.config import TrainConfig
    from fireside.training.metrics import METRICS, curve
    from fireside.training.start import run

    rows = max(1, round(args.tokens / args.steps / args.length))
    config = TrainConfig.of(
        {
            "run": {"out": str(folder / "run"), "method": "sft", "base": args.model,
                    "threads": args.threads, "precision": "float32"},
            "data": {"validation": 0.0, "length": args.length,
                     "sources": [{"path": str(folder / "chats.jsonl")}]},
            "lora": {"rank": 16, "alpha": 32.0},
            "batch": {"tokens": rows * args.length, "length": args.length},
            "schedule": {"epochs": 1.0},
        }
    )  # fmt: skip
    run(config, models_dir=load_settings().models_dir)
    return per_second(args.tokens, [row["seconds"] for row in curve(folder / "run" / METRICS)])


def trl(args: argparse.Namespace, folder: Path) -> float:
    """Tokens per second of `SFTTrainer` with a LoRA of PEFT."""
    import torch
    from datasets import load_dataset  # type: ignore[import-untyped]
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    if args.threads:
        torch.set_num_threads(args.threads)
    marks: list[float] = []

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            marks.append(time.perf_counter())

    pairs = [json.loads(line)["messages"] for line in (folder / "chats.jsonl").open()]
    halves = folder / "pairs.jsonl"
    halves.write_text(
        "".join(json.dumps({"prompt": m[:1], "completion": m[1:]}) + "\n" for m in pairs)
    )
    export = [sys.executable, "-m", "fireside", "models", "export", args.model]
    subprocess.run([*export, "--format", "hf", "--out", str(folder / "hf")], check=True)
    trainer = SFTTrainer(
        model=str(folder / "hf"),
        args=SFTConfig(
            output_dir=str(folder / "trl"), num_train_epochs=1, bf16=False, use_cpu=True,
            per_device_train_batch_size=args.rows, gradient_accumulation_steps=1,
            max_length=args.length, learning_rate=5e-4, save_strategy="no", report_to="none",
            gradient_checkpointing=args.checkpointing, logging_steps=1, disable_tqdm=True,
            model_init_kwargs={"dtype": "float32"},
        ),
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"),
        train_dataset=load_dataset("json", data_files=str(halves), split="train"),
        callbacks=[Watch()],
    )  # fmt: skip
    began = time.perf_counter()
    trainer.train()
    steps = [after - before for before, after in itertools.pairwise([began, *marks])]
    return per_second(args.tokens, steps)


def per_second(tokens: int, steps: list[float]) -> float:
    """Of one epoch, without its first step, which warms up."""
    return tokens * (len(steps) - 1) / len(steps) / sum(steps[1:])


def work(args: argparse.Namespace) -> None:
    folder = Path(args.folder)
    rate = {"fireside": fireside, "trl": trl}[args.side](args, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"side": args.side, "tokens_per_second": rate, "mib": peak}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="JSON lines: prompt, response")
    parser.add_argument("--model", default="smollm2:135m")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rows", type=int, default=8, help="examples in a step of TRL's")
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--checkpointing", action="store_true",
        help="TRL with activation checkpointing, its default: slower, less memory",
    )  # fmt: skip
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--tokens", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        work(args)
        return
    found, sizes = chats(args.data, args.model, args.length, args.steps * args.rows)
    tokens = sum(sizes)
    print(f"{len(found)} chats of {statistics.mean(sizes):.0f} tokens, in about {args.steps} steps")
    answers: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(args.rounds):
        for side in SIDES:
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "chats.jsonl").write_text(
                    "".join(json.dumps(chat) + "\n" for chat in found), encoding="utf-8"
                )
                more = ["--side", side, "--folder", folder, "--tokens", str(tokens)]
                done = subprocess.run(
                    [sys.executable, __file__, *sys.argv[1:], *more],
                    stdout=subprocess.PIPE, text=True, check=True,
                )  # fmt: skip
            answer = json.loads(done.stdout.splitlines()[-1])
            answers[side].append(answer)
            rate = answer["tokens_per_second"]
            print(f"{side:9} {rate:6.0f} tok/s, peak {answer['mib']:6,.0f} MiB", flush=True)
    rates = {s: statistics.median(a["tokens_per_second"] for a in answers[s]) for s in SIDES}
    memory = {s: statistics.median(a["mib"] for a in answers[s]) for s in SIDES}
    print(
        f"fireside / trl: {rates['fireside'] / rates['trl']:.2f} x the tokens a second, "
        f"{memory['fireside'] / memory['trl']:.2f} x the memory"
    )


if __name__ == "__main__":
    main()
