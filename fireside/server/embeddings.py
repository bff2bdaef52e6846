"""`POST /v1/embeddings`: texts or token ids to vectors.

Everything is computed off the event loop, a batch at a time, and stops when the client leaves.
It refuses what would have to be cut: a text longer than the model reads, `dimensions` beyond the
model's own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from fireside.errors import BadRequest, Interrupted, NotFound, UnknownModel
from fireside.server import body
from fireside.server.body import Wire
from fireside.server.models import is_path
from fireside.server.openai_parameters import EMBEDDINGS
from fireside.server.openapi import documented
from fireside.server.parameters import Table
from fireside.server.streaming import while_connected
from fireside.server.wire import Integer, Label, TokenId
from fireside.tokenizer.length import PIECE, check_length

if TYPE_CHECKING:
    from torch import Tensor

    from fireside.engine.embedding import Embedder
    from fireside.engine.models import Models

MOST_TEXTS = 2048
MOST_TOKENS = 300_000
KNOWN = frozenset({"text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002"})
"""OpenAI's names, which lead to the default embedding model; the answer names the real one."""

Texts = (
    str
    | Annotated[list[str], Field(min_length=1, max_length=MOST_TEXTS)]
    | Annotated[list[TokenId], Field(min_length=1, max_length=MOST_TEXTS)]
    | Annotated[
        list[Annotated[list[TokenId], Field(min_length=1)]],
        Field(min_length=1, max_length=MOST_TEXTS),
    ]
)


class EmbeddingRequest(Wire):
    input: Texts
    model: str = Field(min_length=1, max_length=1024)
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Integer | None = Field(None, ge=1, lt=2**31)
    user: Label | None = None

    table: ClassVar[Table] = EMBEDDINGS

    @property
    def texts(self) -> list[str | list[int]]:
        """Each text by itself, in order.  Raises BadRequest for an empty one."""
        given = self.input
        texts: list[str | list[int]]
        if isinstance(given, str):
            texts = [given]
        elif isinstance(given[0], int):
            texts = [[each for each in given if isinstance(each, int)]]
        else:
            texts = [each for each in given if not isinstance(each, int)]
        if "" in texts:
            raise BadRequest(
                f"input holds an empty string (number {texts.index('') + 1} of {len(texts)}).",
                param="input",
            )
        return texts


def routes(models: Models, *, aliases: bool = True) -> APIRouter:
    """aliases: whether OpenAI's names lead to the default model."""
    router = APIRouter(tags=["embeddings"])

    @router.post("/v1/embeddings")
    @documented(request=EmbeddingRequest, response="CreateEmbeddingResponse")
    async def create_embedding(request: Request) -> Response:
        call = await body.read(request, EmbeddingRequest)
        texts = call.texts
        name = models.aliases.meant(call.model)
        embedder = await find_embedder(models, None if aliases and name in KNOWN else name)
        _check_dimensions(call.dimensions, embedder)
        gone = threading.Event()
        work = asyncio.to_thread(_answer, embedder, texts, call, gone)
        answer = await while_connected(request, work, gone.set)
        return Response(answer, media_type="application/json")

    return router


async def find_embedder(models: Models, name: str | None) -> Embedder:
    """The embedding model of that name, loaded; never a path of the client's choosing.

    Raises:
        UnknownModel: there is none, or it is of another kind; the line says what to do.
    """
    if name is not None and is_path(name) and name not in await asyncio.to_thread(models.embedders):
        raise UnknownModel(
            f"There is no embedding model {name[:100]!r} here. GET /v1/models lists those that "
            "are.",
            param="model",
        )
    try:
        return await asyncio.to_thread(models.embedder, name)
    except (NotFound, BadRequest) as error:
        raise UnknownModel(error.message, param="model") from None


def _check_dimensions(dimensions: int | None, embedder: Embedder) -> None:
    if dimensions is not None and dimensions > embedder.width:
        raise BadRequest(
            f"dimensions is {dimensions}; the vectors of {embedder.name} have {embedder.width} "
            "numbers: ask for as many or fewer.",
            param="dimensions",
        )


def _answer(
    embedder: Embedder,
    texts: Sequence[str | list[int]],
    call: EmbeddingRequest,
    gone: threading.Event,
) -> bytes:
    ids = _tokens(embedder, texts, gone)
    total = sum(map(len, ids))
    vectors, _ = embedder.embed(ids, cancelled=gone.is_set, param="input")
    if call.dimensions is not None and call.dimensions < embedder.width:
        vectors = vectors[:, : call.dimensions]
        vectors = vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    rest = {
        "model": embedder.name,
        "usage": {"prompt_tokens": total, "total_tokens": total},
    }
    # Row by row: one call of `json.dumps` for them all would hold the GIL, and the event loop.
    rows = ",".join(_rows(vectors, call.encoding_format))
    return f'{{"object":"list","data":[{rows}],{json.dumps(rest)[1:]}'.encode()


def _tokens(
    embedder: Embedder, texts: Sequence[str | list[int]], gone: threading.Event
) -> list[list[int]]:
    """The ids of each text, a few texts at a time.

    Raises:
        BadRequest: they are more than a request may have.
        ContextOverflow: one text is longer than the model reads.
        Interrupted: the client left.
    """
    found: list[list[int]] = []
    total = 0
    for some in _groups(texts):
        if gone.is_set():
            raise Interrupted("The client went away.")
        written = [text for text in some if isinstance(text, str)]
        if len(written) == 1:
            check_length(
                embedder.tokenizer, written, embedder.context, param="input", stopped=gone.is_set
            )
        found += embedder.tokens(some, param="input")
        total += sum(map(len, found[-len(some) :]))
        if total > MOST_TOKENS:
            raise BadRequest(
                f"input has more than {MOST_TOKENS} tokens, which is what a request may have: "
                "send several.",
                param="input",
                code="max_tokens_per_request",
            )
    return found


def _groups(texts: Sequence[str | list[int]]) -> Iterator[list[str | list[int]]]:
    """Texts that are short enough together to be tokenised in one go; or a long one alone."""
    group: list[str | list[int]] = []
    size = 0
    for text in texts:
        if group and size + len(text) > PIECE:
            yield group
            group, size = [], 0
        group.append(text)
        size += len(text)
    yield group


def _rows(vectors: Tensor, encoding: str) -> Iterator[str]:
    for index, vector in enumerate(vectors):
        shown = (
            base64.b64encode(vector.numpy().astype("<f4").tobytes()).decode()
            if encoding == "base64"
            else vector.tolist()
        )
        yield json.dumps({"object": "embedding", "index": index, "embedding": shown})
