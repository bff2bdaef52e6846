"""What `fireside bench` measures, and how: the engine as it is served, one load after another.

Prompts differ from their first token on, so no run finds another's in the prefix cache; ids that
end an answer are ignored, so every answer has its full length; speculation is off, because how
often it guesses right is a property of the text.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, pairwise
from statistics import median, quantiles

import psutil
import torch

import fireside
from fireside.assistant.machine import cores, processor
from fireside.engine.models import Models
from fireside.engine.params import SamplingParams
from fireside.engine.text import TextModel
from fireside.errors import Unsupported
from fireside.settings import Settings

PREFILL_TOKENS = 512
DECODE_TOKENS = 128
STREAMS = (8, 16)
STREAM_TOKENS = 64
TEXT = (
    "The river had been rising since noon, and by evening the lower road was gone. We carried the "
    "books upstairs, then the clocks, then whatever the children pointed at. Nobody spoke of "
    "leaving. At ten the lights failed, and somebody found a lamp that still had oil in it. "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Speeds in tokens per second; `streams` counts the tokens of all streams together.

    ready_s: from the end of the imports until the model can be asked.
    prefill_tokens_per_s, first_token_ms: of one prompt of `prompt_tokens`, until its first token
        has come.
    decode_tokens_per_s, inter_token_ms: of one stream, after its first token.
    rss_mb, peak_rss_mb: resident memory (10^6 bytes) after all runs, and the most there was.
    foreign_cores: cores' worth of other programs' work meanwhile; near 0, or the figures are low.
    """

    model: str
    precision: str
    threads: int
    machine: str
    versions: dict[str, str]
    repeat: int
    ready_s: float
    decode_tokens_per_s: float
    prefill_tokens_per_s: float
    streams: dict[str, float]
    prompt_tokens: int
    first_token_ms: float
    inter_token_ms: dict[str, float]
    rss_mb: float
    peak_rss_mb: float
    foreign_cores: float


def measure(name: str | None, settings: Settings, repeat: int) -> Figures:
    """Load the model, run every load `repeat` times, close it.

    Raises: as `Models.get`; Unsupported where the model's window is too small for the loads.
    """
    plain = {"speculative": False, "max_batch": max(settings.max_batch, *STREAMS)}
    models = Models(settings.model_copy(update=plain))
    foreign = ForeignWork()
    began = time.perf_counter()
    model = models.get(name)
    ready_s = time.perf_counter() - began
    try:
        return _measured(model, repeat, ready_s, foreign)
    finally:
        models.close()


def _measured(model: TextModel, repeat: int, ready_s: float, foreign: ForeignWork) -> Figures:
    if model.context < 2 * DECODE_TOKENS:
        raise Unsupported(f"{model.name} has a window of {model.context} tokens: too small for it.")
    prompts = Prompts(model)
    prompt_tokens = min(PREFILL_TOKENS, model.context - 1)
    firsts, streams = [], {}
    speeds, gaps = [], []
    run_streams(model, prompts, 1, 8)  # buffers and caches warm, as in a server that runs
    for _ in range(repeat):
        stamps = arrivals(model, prompts.of(16), DECODE_TOKENS)
        speeds.append((DECODE_TOKENS - 1) / (stamps[-1] - stamps[1]))
        gaps += [after - before for before, after in pairwise(stamps[1:])]
        stamps = arrivals(model, prompts.of(prompt_tokens), 1)
        firsts.append(stamps[-1] - stamps[0])
    for width in STREAMS:
        runs = [run_streams(model, prompts, width, STREAM_TOKENS) for _ in range(repeat)]
        streams[str(width)] = median(runs)
    percent = quantiles(gaps, n=100, method="inclusive")
    return Figures(
        model=model.name,
        precision=model.arithmetic.partition(",")[0],
        threads=torch.get_num_threads(),
        machine=f"{processor()[0]}, {cores()} cores, {platform.system()}",
        versions={
            "fireside": fireside.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
        repeat=repeat,
        ready_s=ready_s,
        decode_tokens_per_s=median(speeds),
        prefill_tokens_per_s=prompt_tokens / median(firsts),
        streams=streams,
        prompt_tokens=prompt_tokens,
        first_token_ms=1000 * median(firsts),
        inter_token_ms={"p50": 1000 * percent[49], "p99": 1000 * percent[98]},
        rss_mb=psutil.Process().memory_info().rss / 1e6,
        peak_rss_mb=peak_memory() / 1e6,
        foreign_cores=foreign.cores(),
    )


class Prompts:
    """Prompts of any length, no two of which begin alike."""

    def __init__(self, model: TextModel) -> None:
        self._encode: Callable[[str], list[int]] = model.tokenizer.encode
        self._story = self._encode(TEXT)
        self._numbers: Iterator[int] = count(1)

    def of(self, tokens: int) -> list[int]:
        beginning = self._encode(f"{next(self._numbers)} is the number of this story. ")
        times = -(-tokens // len(self._story))
        return (beginning + times * self._story)[:tokens]


def arrivals(model: TextModel, prompt: list[int], tokens: int) -> list[float]:
    """When it was asked, and when each token of its answer came."""
    stamps = [time.perf_counter()]
    for step in model.engine.submit(prompt, greedy(tokens)):
        stamps += [time.perf_counter()] * len(step.token_ids)
    return stamps


def run_streams(model: TextModel, prompts: Prompts, width: int, tokens: int) -> float:
    """Tokens per second of so many answers at once, prompts included in the time."""
    began = time.perf_counter()
    going = [model.generate(prompts.of(16), greedy(tokens)) for _ in range(width)]
    for generation in going:
        for _ in generation:
            pass
    return width * tokens / (time.perf_counter() - began)


def greedy(tokens: int) -> SamplingParams:
    return SamplingParams(temperature=0.0, max_tokens=tokens, ignore_eos=True)


def peak_memory() -> int:
    """The most bytes that were ever resident."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


class ForeignWork:
    """How many cores other programs have used since this was made."""

    def __init__(self) -> None:
        self._before = self._now()

    def cores(self) -> float:
        seconds, work = (
            now - before for now, before in zip(self._now(), self._before, strict=True)
        )
        return max(0.0, work / seconds) if seconds > 0 else 0.0

    @staticmethod
    def _now() -> tuple[float, float]:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        return time.monotonic(), sum(times) - idle - guest - time.process_time()
