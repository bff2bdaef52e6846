"""How a tokenizer.json turns tokens back into text: its `decoder`, read as data.

Streams, masks and log-probabilities need the bytes of each token by itself, so the library's own
decoder cannot be used.  A decoder that is none of those below is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tokenizers import Tokenizer as Backend

from fireside.errors import Unsupported
from fireside.tokenizer.vocabulary import Spelling

_SPACE = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
_BYTES = {"type": "ByteFallback"}
_FUSE = {"type": "Fuse"}
_STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}


def decoding_of(backend: Backend) -> tuple[Spelling, bool]:
    """How tokens are spelled, and whether a text loses its first space.

    Raises:
        Unsupported: a decoder that we do not know.
    """
    decoder = backend.decoder
    state = None if decoder is None else json.loads(decoder.__getstate__())
    steps = list(_steps(state))
    match steps:
        case []:
            return "words", True
        case [{"type": "ByteLevel"}]:
            return "bytes", False
        case [{"type": "WordPiece", "prefix": "##"} as step]:
            return "tidy wordpiece" if step.get("cleanup") else "wordpiece", True
        case [{"type": "Metaspace", "replacement": "▁"} as step]:
            return "metaspace", step.get("prepend_scheme") != "never"
    strips = steps[-1:] == [_STRIP] and _FUSE in steps
    rest = [step for step in (steps[:-1] if strips else steps) if step != _FUSE]
    if rest == [_SPACE, _BYTES]:
        return "sentencepiece", strips
    if rest == [_SPACE]:
        return "metaspace", strips
    names = " + ".join(str(step.get("type")) for step in steps)
    raise Unsupported(
        f"This tokenizer.json decodes by {names[:100]}, which Fireside does not read."
    )


def _steps(decoder: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    if decoder is None:
        return
    if decoder["type"] == "Sequence":
        for part in decoder["decoders"]:
            yield from _steps(part)
    else:
        yield decoder
