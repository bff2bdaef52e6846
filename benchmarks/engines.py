"""The engines that are measured side by side, each behind the same three questions.

Run as `python benchmarks/engines.py NAME MODEL.gguf --threads 2` this is a worker: it loads, says
so, and answers one job per line (`decode`, `prefill`, `8`, `16`) with JSON.  `side_by_side.py`
drives it.  Every engine reports by its own clock where it has one, which is never to its harm.
Workers are processes of their own, because their thread pools get in each other's way.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any, Protocol

DECODE_TOKENS, STREAM_TOKENS, MOST_STREAMS = 128, 64, 16
LONG, SHORT = 2250, 60  # characters; about 512 tokens and 14
TEXT = (
    "The river had been rising since noon, and by evening the lower road was gone. We carried the "
    "books upstairs, then the clocks, then whatever the children pointed at. Nobody spoke of "
    "leaving. At ten the lights failed, and somebody found a lamp that still had oil in it. "
)
numbers = count(1)


def prompt(characters: int) -> str:
    """No two begin alike: nothing comes from a prefix cache."""
    story = f"{next(numbers)} is the number of this story. "
    return (story + TEXT * (characters // len(TEXT) + 1))[:characters]


class Engine(Protocol):
    """All answers in tokens per second."""

    def decode(self) -> float: ...
    def prefill(self) -> float: ...
    def streams(self, width: int) -> float: ...


class Fireside:
    def __init__(self, model: Path, threads: int) -> None:
        from fireside.cli import bench_figures
        from fireside.engine.models import Models
        from fireside.settings import load_settings

        self._measure = bench_figures
        plain = {"threads": threads, "speculative": False, "max_batch": MOST_STREAMS}
        models = Models(load_settings().model_copy(update=plain))
        self.began = time.perf_counter()
        self._model = models.get(str(model))

    def decode(self) -> float:
        stamps = self._measure.arrivals(self._model, self._ids(SHORT), DECODE_TOKENS)
        return (DECODE_TOKENS - 1) / (stamps[-1] - stamps[1])

    def prefill(self) -> float:
        ids = self._ids(LONG)
        stamps = self._measure.arrivals(self._model, ids, 1)
        return len(ids) / (stamps[1] - stamps[0])

    def streams(self, width: int) -> float:
        greedy = self._measure.greedy(STREAM_TOKENS)
        prompts = [prompt(SHORT) for _ in range(width)]
        began = time.perf_counter()
        going = [self._model.generate(self._model.tokenizer.encode(p), greedy) for p in prompts]
        for generation in going:
            for _ in generation:
                pass
        return width * STREAM_TOKENS / (time.perf_counter() - began)

    def _ids(self, characters: int) -> list[int]:
        return self._model.tokenizer.encode(prompt(characters))


class LlamaCpp:
    def __init__(self, model: Path, threads: int) -> None:
        import xllamacpp

        self.began = time.perf_counter()
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(model)
        parameters.cpuparams.n_threads = threads
        parameters.cpuparams_batch.n_threads = threads
        parameters.n_ctx = 1024 * MOST_STREAMS
        parameters.n_parallel = MOST_STREAMS
        parameters.warmup = False
        self._server = xllamacpp.Server(parameters)

    def decode(self) -> float:
        return float(self._timings(SHORT, DECODE_TOKENS)["predicted_per_second"])

    def prefill(self) -> float:
        return float(self._timings(LONG, 1)["prompt_per_second"])

    def streams(self, width: int) -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(width) as pool:
            list(pool.map(lambda _: self._timings(SHORT, STREAM_TOKENS), range(width)))
        return width * STREAM_TOKENS / (time.perf_counter() - began)

    def _timings(self, characters: int, tokens: int) -> dict[str, float]:
        answer = self._server.handle_completions(
            {
                "prompt": prompt(characters),
                "n_predict": tokens,
                "ignore_eos": True,
                "temperature": 0,
                "cache_prompt": False,
            }
        )
        timings: dict[str, float] = answer["timings"]
        if timings["predicted_n"] != tokens:
            raise RuntimeError(f"llama.cpp gave {timings['predicted_n']} tokens, not {tokens}")
        return timings


class OpenVINO:
    def __init__(self, model: Path, threads: int) -> None:
        import openvino_genai

        self._library = openvino_genai
        self.began = time.perf_counter()
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.enable_prefix_caching = False
        scheduler.max_num_seqs = MOST_STREAMS
        scheduler.cache_size = 2  # GB
        self._pipeline = openvino_genai.LLMPipeline(
            str(model), "CPU", scheduler_config=scheduler, INFERENCE_NUM_THREADS=threads
        )

    def decode(self) -> float:
        return float(1000 / self._generate(SHORT, DECODE_TOKENS).get_tpot().mean)

    def prefill(self) -> float:
        metrics = self._generate(LONG, 1)
        return float(1000 * metrics.get_num_input_tokens() / metrics.get_ttft().mean)

    def streams(self, width: int) -> float:
        began = time.perf_counter()
        metrics = self._generate(SHORT, STREAM_TOKENS, width)
        seconds = time.perf_counter() - began
        return float(metrics.get_num_generated_tokens() / seconds)

    def _generate(self, characters: int, tokens: int, width: int = 1) -> Any:
        config = self._library.GenerationConfig()
        config.max_new_tokens = tokens
        config.ignore_eos = True
        config.apply_chat_template = False
        prompts = [prompt(characters) for _ in range(width)]
        return self._pipeline.generate(prompts, config).perf_metrics


class Transformers:
    dtype = "float32"

    def __init__(self, model: Path, threads: int) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(threads)
        self.began = time.perf_counter()
        where: dict[str, str] = {"gguf_file": model.name}
        self._tokenizer = AutoTokenizer.from_pretrained(str(model.parent), **where)
        self._tokenizer.padding_side = "left"
        self._tokenizer.pad_token = self._tokenizer.eos_token
        self._model = AutoModelForCausalLM.from_pretrained(
            str(model.parent), dtype=getattr(torch, self.dtype), **where
        )

    def decode(self) -> float:
        first, whole = self._seconds(SHORT, 1)[0], self._seconds(SHORT, DECODE_TOKENS)[0]
        return (DECODE_TOKENS - 1) / (whole - first)

    def prefill(self) -> float:
        seconds, tokens = self._seconds(LONG, 1)
        return tokens / seconds

    def streams(self, width: int) -> float:
        return width * STREAM_TOKENS / self._seconds(SHORT, STREAM_TOKENS, width)[0]

    def _seconds(self, characters: int, tokens: int, width: int = 1) -> tuple[float, int]:
        """Seconds, and tokens per prompt."""
        batch = self._tokenizer(
            [prompt(characters) for _ in range(width)], return_tensors="pt", padding=True
        )
        began = time.perf_counter()
        self._model.generate(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            do_sample=False,
            min_new_tokens=tokens,
            max_new_tokens=tokens,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        return time.perf_counter() - began, batch["input_ids"].shape[1]


class TransformersBF16(Transformers):
    dtype = "bfloat16"


ENGINES: dict[str, tuple[Any, str]] = {
    "fireside": (Fireside, "fireside"),
    "llama.cpp": (LlamaCpp, "xllamacpp"),
    "openvino": (OpenVINO, "openvino-genai"),
    "transformers": (Transformers, "transformers"),
    "transformers-bf16": (TransformersBF16, "transformers"),
}


def answer(engine: Engine, job: str) -> float:
    if job.isdigit():
        return engine.streams(int(job))
    return engine.decode() if job == "decode" else engine.prefill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    # Libraries print what they like: it goes to stderr, and our lines alone to stdout.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    make, package = ENGINES[arguments.engine]
    engine = make(arguments.model, arguments.threads)
    ready_s = time.perf_counter() - engine.began
    release = None if package == "fireside" else version(package)
    print(json.dumps({"ready_s": ready_s, "version": release}), file=out)
    for line in sys.stdin:
        print(json.dumps({"tokens_per_s": answer(engine, line.strip())}), file=out)


if __name__ == "__main__":
    main()
