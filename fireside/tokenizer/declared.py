"""Which tokens a folder adds to its tokenizer.json, and what it calls them.

The small files overlap, and transformers lets some count and others not; this is its order
(5.23, `PreTrainedTokenizerBase._from_pretrained`).  `tokenizer_config.json` counts; where it lists
no `added_tokens_decoder`, `special_tokens_map.json` counts for more and `added_tokens.json` is read
besides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken as BackendToken
from tokenizers import Tokenizer as Backend

from fireside.errors import Corrupt
from fireside.tokenizer.vocabulary import AddedToken

NAMES = (
    "bos_token",
    "eos_token",
    "unk_token",
    "pad_token",
    "sep_token",
    "cls_token",
    "mask_token",
)
_FLAGS = ("lstrip", "rstrip", "single_word", "normalized", "special")
_EXTRA = ("extra_special_tokens", "additional_special_tokens")


def read_small_file(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no such file.

    Raises:
        Corrupt: it is something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        raise Corrupt(f"{path} is not valid JSON: download it again.") from None
    if not isinstance(value, dict):
        raise Corrupt(f"{path} does not hold a JSON object: download it again.")
    return value


def settings_of(folder: Path) -> dict[str, Any]:
    """`tokenizer_config.json`, with what `special_tokens_map.json` changes in it."""
    config = read_small_file(folder / "tokenizer_config.json")
    if isinstance(config.get("added_tokens_decoder"), Mapping):
        return config
    return config | read_small_file(folder / "special_tokens_map.json")


def content_of(value: object) -> str | None:
    """A token as the small files spell it: text, or an object with its text inside."""
    if isinstance(value, Mapping):
        value = value.get("content")
    return value if isinstance(value, str) and value else None


def named_tokens(settings: Mapping[str, Any]) -> dict[str, str]:
    """`bos_token`, `eos_token` ..., and a model's own, such as `image_token`: name to text."""
    own = settings.get("extra_special_tokens")
    named = {
        name: content
        for name, value in settings.items()
        if (name in NAMES or (name.endswith("_token") and isinstance(value, str)))
        and (content := content_of(value)) is not None
    }
    if isinstance(own, Mapping):
        named |= {
            str(name): content
            for name, value in own.items()
            if (content := content_of(value)) is not None
        }
    return named


def add_declared_tokens(
    backend: Backend, folder: Path, settings: Mapping[str, Any]
) -> tuple[AddedToken, ...]:
    """Tell the backend of every added token that the small files declare; returns all of them."""
    declared = dict(_declared(folder, settings))
    known = {token.content: _flags(token) for token in backend.get_added_tokens_decoder().values()}
    for number in sorted(declared):
        token = declared[number]
        if known.get(token.content) != _flags(token):
            backend.add_tokens([token])
            known[token.content] = _flags(token)
    for content in _special(settings):
        # Already an ordinary token of one letter (a pad_token "!"): text must go on using it.
        is_letter = len(content) == 1 and backend.token_to_id(content) is not None
        if content not in known and not is_letter:
            backend.add_special_tokens([BackendToken(content, special=True, normalized=False)])
    return tuple(
        AddedToken(
            id=number,
            content=token.content,
            special=token.special,
            lstrip=token.lstrip,
            rstrip=token.rstrip,
            single_word=token.single_word,
        )
        for number, token in sorted(backend.get_added_tokens_decoder().items())
    )


def _declared(folder: Path, settings: Mapping[str, Any]) -> Iterator[tuple[int, BackendToken]]:
    listed = settings.get("added_tokens_decoder")
    if isinstance(listed, Mapping):
        for number, value in listed.items():
            content = content_of(value)
            if content is not None and isinstance(value, Mapping) and str(number).isdecimal():
                flags = {flag: bool(value[flag]) for flag in _FLAGS if flag in value}
                yield int(number), BackendToken(content, **flags)
        return
    special = set(_special(settings))
    for content, number in read_small_file(folder / "added_tokens.json").items():
        if content and type(number) is int:
            is_special = content in special
            yield number, BackendToken(content, normalized=not is_special, special=is_special)


def _special(settings: Mapping[str, Any]) -> Iterator[str]:
    yield from named_tokens(settings).values()
    extra = next((settings[key] for key in _EXTRA if settings.get(key)), ())
    for value in extra if isinstance(extra, list) else ():
        if (content := content_of(value)) is not None:
            yield content


def _flags(token: BackendToken) -> tuple[bool, ...]:
    return tuple(getattr(token, flag) for flag in _FLAGS)
