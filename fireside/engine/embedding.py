"""Texts to vectors: the embedding model behind a queue of small batches.

One batch at a time computes, in a thread of its own, so a query's few words wait for one batch of
somebody's thousand documents and never for all of them, and who no longer wants an answer stops
after one.  Each batch is one core's work: the engine beside it sees that core taken and leaves it
(`threads.py`).  It refuses texts longer than the model's context: nothing is cut in silence.
"""

from __future__ import annotations

import copy
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fireside.engine.devices import choose_device
from fireside.engine.threads import beside
from fireside.errors import BadRequest, ContextOverflow, Interrupted, Unavailable, Unsupported
from fireside.hub import LocalModel
from fireside.model.encoder import Encoder, load_encoder
from fireside.model.lora import Delta, put
from fireside.settings import Settings
from fireside.tokenizer import Tokenizer

# Tokens of one batch, padding included: 0.1 to 0.2 s of one core.
BATCH_TOKENS = 512

Input = str | Sequence[int]
Result = TypeVar("Result")


class Embedder:
    """An embedding model, ready.  Safe to use from many threads.

    name: the model's.  width: numbers of a vector.  context: tokens of the longest text.
    window: tokens of the texts that it was made for; longer ones, up to `context`, are read too.
    unknown_id: what stands for a word that its vocabulary lacks, in vocabularies that lack some.
    """

    def __init__(
        self,
        name: str,
        tokenizer: Tokenizer,
        encoder: Encoder,
        window: int | None = None,
        worker: ThreadPoolExecutor | None = None,
    ) -> None:
        self.name = name
        self.tokenizer = tokenizer
        self.width = encoder.config.width
        self.unknown_id = tokenizer.named_ids.get("unk_token")
        self._encoder = encoder
        self._device = next(encoder.parameters()).device
        self._frame = len(tokenizer.frame([]))
        self.context = encoder.config.context - self._frame
        self.window = min(self.context, (window or encoder.config.context) - self._frame)
        self._worker = worker or ThreadPoolExecutor(1, "fireside-embed", initializer=_one_core)

    def embed(
        self,
        texts: Sequence[Input],
        *,
        cancelled: Callable[[], bool] = lambda: False,
        param: str | None = None,
    ) -> tuple[Float[Tensor, "B D"], list[int]]:
        """A vector of length 1 for each text, and how many tokens it has.

        texts: strings, or token ids ([CLS] and [SEP] may be there or not).
        cancelled: asked before each batch.

        Raises:
            ContextOverflow: a text is longer than `context`.
            BadRequest: an id that is none.
            Interrupted: `cancelled` said so.  Unavailable: the server is stopping.
        """
        tokens = self.tokens(texts, param=param)
        for place, each in enumerate(tokens):
            if len(each) > self.context:
                raise ContextOverflow(
                    f"A text of {len(each)} tokens (number {place + 1} of {len(tokens)}) is longer "
                    f"than the {self.context} that {self.name} reads: cut it into smaller pieces.",
                    param=param,
                )
        found = torch.empty(len(tokens), self.width)
        for batch in batches([len(each) + self._frame for each in tokens], BATCH_TOKENS):
            if cancelled():
                raise Interrupted("The embedding was cancelled.")
            found[batch] = self._submit([tokens[i] for i in batch]).result()
        return found, [len(each) for each in tokens]

    def tokens(self, texts: Sequence[Input], *, param: str | None = None) -> list[list[int]]:
        """The ids of each text, without [CLS] and [SEP].  Raises BadRequest as `embed`."""
        found: list[list[int]] = [[] for _ in texts]
        written = [i for i, text in enumerate(texts) if isinstance(text, str)]
        encoded = self.tokenizer.encode_batch([str(texts[i]) for i in written])
        for i, ids in zip(written, encoded, strict=True):
            found[i] = ids
        for i, given in enumerate(texts):
            if not isinstance(given, str):
                found[i] = self._unframed(given, param)
        return found

    def _unframed(self, ids: Sequence[int], param: str | None) -> list[int]:
        for number in ids:
            if not 0 <= number < self._encoder.config.vocab_size:
                raise BadRequest(
                    f"Token id {number} is not in the vocabulary of {self.name}, which has "
                    f"{self._encoder.config.vocab_size} ids.",
                    param=param,
                )
        # No text can make these ids, so ids that have them were framed by the caller.
        first, last = self.tokenizer.frame([])[:1], self.tokenizer.frame([])[-1:]
        if self._frame == 2 and len(ids) > 2 and [ids[0]] == first and [ids[-1]] == last:
            ids = ids[1:-1]
        return list(ids)

    def _submit(self, tokens: list[list[int]]) -> Future[Tensor]:
        try:
            return self._worker.submit(self._compute, tokens)
        except RuntimeError:  # the worker was shut down
            raise Unavailable("Fireside is stopping: try again when it is back.") from None

    def _compute(self, tokens: list[list[int]]) -> Float[Tensor, "B D"]:
        framed = [self.tokenizer.frame(each) for each in tokens]
        ids = torch.zeros(len(framed), max(map(len, framed)), dtype=torch.long)
        mask = torch.zeros_like(ids, dtype=torch.bool)
        for row, each in enumerate(framed):
            ids[row, : len(each)] = torch.tensor(each)
            mask[row, : len(each)] = True
        with beside(), torch.inference_mode():
            made = self._encoder.embed(ids.to(self._device), mask.to(self._device))
        return made.cpu()

    def compute(self, job: Callable[[Encoder], Result]) -> Result:
        """What `job` makes of the encoder, on the model's own thread, in its turn.

        Raises: Unavailable: the server is stopping.
        """

        def run() -> Result:
            with beside(), torch.inference_mode():
                return job(self._encoder)

        try:
            waiting = self._worker.submit(run)
        except RuntimeError:  # the worker was shut down
            raise Unavailable("Fireside is stopping: try again when it is back.") from None
        return waiting.result()

    def adapted(self, deltas: Mapping[str, Delta]) -> Embedder:
        """The same model with an adapter on some of its linears, by their full names.

        Its weights and its thread are this one's, so it costs the adapter alone; this one goes on
        making the vectors that it made.  Closing either closes both.
        """
        # The memo keeps the numbers from being copied; each has a parameter of its own over them,
        # so that merging here would change nothing there.
        memo = {
            id(weight): nn.Parameter(weight.data, requires_grad=False)
            for weight in self._encoder.parameters()
        }
        encoder = copy.deepcopy(self._encoder, memo)
        for name, delta in deltas.items():
            put(encoder, name, delta)
        return Embedder(
            self.name, self.tokenizer, encoder.eval(), self.window + self._frame, self._worker
        )

    def close(self) -> None:
        """Batches that wait are dropped; the one that computes ends."""
        self._worker.shutdown(wait=True, cancel_futures=True)


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places of texts that compute together: alike in length, `most` tokens with padding.

    A text longer than that computes alone.
    """
    order = deque(sorted(range(len(lengths)), key=lambda i: lengths[i], reverse=True))
    while order:
        longest = lengths[order[0]]
        yield [order.popleft() for _ in range(min(len(order), max(1, most // longest)))]


def _one_core() -> None:
    """One OpenMP thread for the calling thread; the process's own default stays as it was.

    More workers than cores would put the engine's to sleep at each of its barriers (`load.py`).
    """
    usual = torch.get_num_threads()  # which also keeps a later look from setting it anew
    torch.set_num_threads(1)
    restoring = threading.Thread(target=torch.set_num_threads, args=(usual,))
    restoring.start()
    restoring.join()


def load_embedder(local: LocalModel, settings: Settings) -> Embedder:
    """
    Raises:
        Unsupported: the files are not those of an encoder that we read.
        Corrupt: they are damaged.
    """
    if local.format != "hf" or local.adapters:
        raise Unsupported(f"{local.name} is not an embedding model: take minilm:l6.", param="model")
    encoder = load_encoder(local.path, device=choose_device(settings.device))
    return Embedder(local.name, Tokenizer.from_folder(local.path), encoder, _window(local))


def _window(local: LocalModel) -> int | None:
    """Sentence-Transformers says at how many tokens its makers cut."""
    try:
        said = json.loads((local.path / "sentence_bert_config.json").read_text())["max_seq_length"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return said if isinstance(said, int) and said > 8 else None
