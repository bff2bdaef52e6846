"""The engine: token ids in, token ids out.  One thread owns all state and repeats one sentence:

    schedule → run → sample → emit

Callers talk to it through two queues (submissions, cancellations) and hear from it through each
request's mailbox.  It knows no text; `text.py` does.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Sequence as Ids
from dataclasses import asdict

from fireside.engine.block_pool import BlockPool
from fireside.engine.emission import Emission
from fireside.engine.guidance import Compilation, Guide
from fireside.engine.mailbox import Wakes
from fireside.engine.params import SamplingParams
from fireside.engine.request import Request, Sequence
from fireside.engine.runner import Abandoned, Runner
from fireside.engine.sampler import SequenceSampler
from fireside.engine.scheduler import Scheduler
from fireside.engine.speculation import Drafter, StepCost
from fireside.engine.stats import Counts, EngineStats
from fireside.errors import (
    BadRequest,
    FiresideError,
    Overloaded,
    Unavailable,
    Unsupported,
)

log = logging.getLogger(__name__)


class Engine:
    """Runs requests on a runner.

    Args:
        runner: the model and its KV cache.
        eos_ids: ids that end an answer.
        guide: compiles constraints; None refuses them.
        max_batch: sequences per step.
        max_queue: requests that may wait; one more is Overloaded.
        prefill_chunk: prompt tokens per step.
        speculative: propose tokens by prompt lookup where that pays.
        seed: of the seeds drawn for requests without one; None for a random one.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        eos_ids: frozenset[int] = frozenset(),
        guide: Guide | None = None,
        max_batch: int = 32,
        max_queue: int = 256,
        prefill_chunk: int = 512,
        speculative: bool = True,
        seed: int | None = None,
    ) -> None:
        self.runner = runner
        self.eos_ids = eos_ids
        self.window = min(runner.context, runner.num_blocks * runner.block_size)
        self.max_queue = max_queue
        self._guide = guide
        self._speculative = speculative
        self._seeds = random.Random(seed)  # noqa: S311 - no secret, a choice of words
        self._cost = StepCost()
        self._pool = BlockPool(
            runner.num_blocks, runner.block_size, most=-(-self.window // runner.block_size)
        )
        self._scheduler = Scheduler(
            self._pool,
            max_batch=max_batch,
            prefill_chunk=prefill_chunk,
            cost=self._cost,
            copy_block=runner.copy_block,
        )
        self._open: dict[Request, list[Sequence]] = {}
        self._submitted: deque[Sequence] = deque()
        self._compiling: dict[Request, tuple[Sequence, Compilation]] = {}
        self._cancelled: deque[tuple[Request, int | None]] = deque()
        self._news = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._running: set[Request] = set()
        runner.abandoned = self._is_abandoned
        self._wakes = Wakes()
        self._counts = Counts()
        self._emission = Emission(
            runner,
            self._scheduler,
            open_requests=self._open,
            wakes=self._wakes,
            counts=self._counts,
        )

    # For callers, from any thread

    def submit(
        self,
        prompt_ids: Ids[int],
        params: SamplingParams,
        *,
        cache_salt: str = "",
        owner: str = "",
    ) -> Request:
        """Queue a prompt.

        Raises:
            BadRequest: a parameter is out of range, the prompt is empty or not of this vocabulary.
            ContextOverflow: prompt and answer cannot fit the window.
            Overloaded: the queue is full.
            Unavailable: the engine is stopping.
        """
        params.validate(self.runner.vocab_size)
        if params.constraint is not None and self._guide is None:
            raise Unsupported("This model has no guide for constraints.", param="constraint")
        limit = self._checked_limit(prompt_ids, params)
        own_stops = frozenset() if params.ignore_eos else self.eos_ids
        request = Request(
            tuple(prompt_ids),
            params,
            owner=owner,
            cache_salt=cache_salt,
            stop_ids=own_stops | params.stop_ids,
            on_cancel=self._on_cancel,
        )
        with self._news:
            if self._stopping:
                raise Unavailable("The engine is stopping: try again when it is back.")
            waiting = self._waiting
            if waiting >= self.max_queue:
                raise Overloaded(
                    f"{waiting} requests are waiting already: try again later.",
                    retry_after=self._retry_after(waiting),
                )
            seed = self._seeds.getrandbits(63) if params.seed is None else params.seed
            sampler = SequenceSampler(
                params, seed=seed, index=0, prompt_ids=prompt_ids, stop_ids=request.stop_ids
            )
            self._submitted.append(
                Sequence(
                    request,
                    0,
                    sampler=sampler,
                    limit=limit,
                    drafter=Drafter() if self._speculative else None,
                    forks=params.candidates - 1,
                )
            )
            self._news.notify()
        return request

    def start(self) -> None:
        """Run the loop in a thread of its own until `stop`."""
        assert self._thread is None
        self._thread = threading.Thread(target=self._loop, name="fireside-engine", daemon=True)
        self._thread.start()

    def stop(self, drain_seconds: float = 0.0) -> None:
        """Take nothing new, let the running answers finish for so long, then cancel the rest."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join(timeout=drain_seconds)
        self.cancel_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        else:
            self._take_news()
            self._wakes.send()
        if self._guide is not None:
            self._guide.close()

    def cancel_all(self) -> None:
        """Every request that runs or waits ends as cancelled."""
        for request in [*self._open, *(sequence.request for sequence in list(self._submitted))]:
            request.cancel()

    def stats(self) -> EngineStats:
        return EngineStats(
            running=len(self._scheduler.running),
            waiting=self._waiting,
            num_blocks=self._pool.num_blocks,
            used_blocks=self._pool.used,
            cached_blocks=self._pool.cached,
            preemptions=self._scheduler.preemptions,
            **asdict(self._counts),
        )

    def step(self) -> bool:
        """One step: schedule → run → sample → emit.  False if there was nothing to run.

        For the engine's own thread; call it yourself only if you have not called `start`.
        """
        began = time.perf_counter()
        self._take_news()
        self._take_compiled()
        works = self._scheduler.schedule()
        if works:
            self._running = {work.sequence.request for work in works}
            try:
                before = time.perf_counter()
                logits = self.runner.run([work.chunk for work in works])
                run_seconds = time.perf_counter() - before
                choices = self._emission.sample(works, logits)
                self._emission.emit(choices)
            except Abandoned:
                pass  # all of its requests were cancelled, which the next step hears first
            except Exception as error:
                log.exception("A step of %d sequences failed", len(works))
                self._emission.fail([work.sequence for work in works], error)
            else:
                self._counts.add_step(works, run_seconds, time.perf_counter() - began)
                if self._speculative and all(work.decodes for work in works):
                    self._cost.observe(len(logits), run_seconds)
        self._wakes.send()
        return bool(works)

    # The engine's thread

    def _loop(self) -> None:
        while True:
            with self._news:
                while not self._has_work():
                    if self._stopping and not self._open:
                        return
                    self._news.wait(self._patience())
            self.step()

    def _has_work(self) -> bool:
        return bool(
            self._submitted
            or self._cancelled
            or not self._scheduler.idle
            or any(compilation.over for _, compilation in self._compiling.values())
        )

    def _patience(self) -> float | None:
        """How long there may be nothing to do: until a compilation is late."""
        left = [compilation.seconds_left for _, compilation in self._compiling.values()]
        return min(left, default=None)

    def _take_news(self) -> None:
        while self._submitted:
            sequence = self._submitted.popleft()
            request, constraint = sequence.request, sequence.request.params.constraint
            self._open[request] = [sequence]
            if constraint is None or self._guide is None:
                self._scheduler.add(sequence)
            else:
                compilation = self._guide.compile(constraint, self._notify)
                self._compiling[request] = sequence, compilation
        while self._cancelled:
            request, index = self._cancelled.popleft()
            sequences = self._open.get(request, ())
            for sequence in list(sequences):
                if index is None or sequence.index == index:
                    self._emission.end(sequence, "cancelled")

    def _take_compiled(self) -> None:
        for request, (sequence, compilation) in list(self._compiling.items()):
            if request not in self._open:  # cancelled
                del self._compiling[request]
            elif compilation.over:
                del self._compiling[request]
                try:
                    sequence.matcher = compilation.result()
                except FiresideError as error:
                    self._emission.refuse(request, error)
                else:
                    self._scheduler.add(sequence)

    # Details of `submit`

    def _checked_limit(self, prompt_ids: Ids[int], params: SamplingParams) -> int:
        """The length at which the answer must end."""
        if len(prompt_ids) == 0:
            raise BadRequest("The prompt is empty: give at least one token.", param="prompt")
        if min(prompt_ids) < 0 or max(prompt_ids) >= self.runner.vocab_size:
            raise BadRequest(
                f"The prompt's ids must be from 0 to {self.runner.vocab_size - 1}.", param="prompt"
            )
        return params.limit(len(prompt_ids), self.window)

    def _retry_after(self, waiting: int) -> float:
        """Seconds until the queue has moved, judged by how long requests have taken."""
        return max(1.0, self._emission.request_seconds * waiting / self._scheduler.max_batch)

    @property
    def _waiting(self) -> int:
        return len(self._submitted) + len(self._compiling) + self._scheduler.waiting

    def _is_abandoned(self) -> bool:
        """Whether every request of the running step was cancelled."""
        if not self._cancelled:
            return False
        gone = {request for request, index in list(self._cancelled) if index is None}
        return self._running <= gone

    def _notify(self) -> None:
        with self._news:
            self._news.notify()

    def _on_cancel(self, request: Request, index: int | None) -> None:
        with self._news:
            self._cancelled.append((request, index))
            self._news.notify()
