"""`add_prefix_space` of `tokenizer_config.json`, where it contradicts `tokenizer.json`.

transformers builds some classes anew from their vocabulary, and there the config's word counts:
whether a text begins with a space of its own.  Classes that it takes from `tokenizer.json` as they
are ignore the word, and so do we.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tokenizers import Tokenizer as Backend
from tokenizers import decoders, pre_tokenizers

_BYTES = frozenset({"GPT2Tokenizer", "Qwen2Tokenizer", "RobertaTokenizer", "CohereTokenizer"})
_PIECES = frozenset({"LlamaTokenizer"})


def honour_prefix_space(backend: Backend, settings: Mapping[str, Any]) -> Backend:
    """The backend as the config wants it; the same one where they agree."""
    wanted = settings.get("add_prefix_space")
    kind = str(settings.get("tokenizer_class")).removesuffix("Fast")
    if not isinstance(wanted, bool) or kind not in _BYTES | _PIECES:
        return backend
    parts = [part for part in (backend.normalizer, backend.pre_tokenizer) if part is not None]
    steps = [step for part in parts for step in _steps(json.loads(part.__getstate__()))]
    cuts_bytes = any(step["type"] == "ByteLevel" for step in steps)
    if cuts_bytes != (kind in _BYTES) or wanted == any(map(_prepends, steps)):
        return backend
    if cuts_bytes:
        return _with_byte_level(backend, wanted)
    scheme = "never" if not wanted else "first" if settings.get("legacy") is False else "always"
    backend.normalizer = None
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    strip = [decoders.Strip(" ", 1, 0)] if wanted else []
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    return backend


def _prepends(step: Mapping[str, Any]) -> bool:
    return (
        step["type"] == "Prepend"
        or step.get("add_prefix_space") is True
        or step.get("prepend_scheme", "never") != "never"
    )


def _with_byte_level(backend: Backend, wanted: bool) -> Backend:
    state = json.loads(backend.to_str())
    for step in _steps(state["pre_tokenizer"]):
        if step["type"] == "ByteLevel":
            step["add_prefix_space"] = wanted
    return Backend.from_str(json.dumps(state))


def _steps(state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("normalizers", "pretokenizers"):
        if key in state:
            for part in state[key]:
                yield from _steps(part)
            return
    yield state
