"""A vocabulary from a Hugging Face folder.

`tokenizer.json` says how to encode; `tokenizer_config.json`, `special_tokens_map.json`,
`generation_config.json` and `chat_template.jinja` say what the tokens are for.  No code of the
folder is ever run, and a folder without `tokenizer.json` is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tokenizers import AddedToken as BackendToken
from tokenizers import Tokenizer as Backend

from fireside.errors import Corrupt, NotFound
from fireside.tokenizer.vocabulary import ENDS_OF_ANSWER, AddedToken, Spelling, Vocabulary

_NAMED = (
    "bos_token",
    "eos_token",
    "unk_token",
    "pad_token",
    "sep_token",
    "cls_token",
    "mask_token",
)


def vocabulary_from_folder(folder: Path) -> Vocabulary:
    """The vocabulary of a model's folder.

    Raises:
        NotFound: no `tokenizer.json` there.
        Corrupt: one of the files is not what its name says.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise NotFound(
            f"{folder} has no tokenizer.json: give a folder with one, or the model's GGUF."
        )
    try:
        backend = Backend.from_file(str(path))
    except Exception as error:  # `tokenizers` raises bare Exception
        raise Corrupt(f"{path} cannot be read ({str(error)[:120]}): download it again.") from None
    backend.no_truncation()
    backend.no_padding()
    config = _json(folder / "tokenizer_config.json")
    added = _added_tokens(backend, config)
    named = dict(_named(_json(folder / "special_tokens_map.json"))) | dict(_named(config))
    by_content = {token.content: token.id for token in added}
    bos_id = _lookup(backend, by_content, named.get("bos_token"))
    prefix_ids, suffix_ids = _frame(backend, config, bos_id)
    backend.encode_special_tokens = True
    decoder = _state(backend.decoder)
    size = 1 + max(backend.get_vocab(with_added_tokens=True).values(), default=-1)
    return Vocabulary(
        backend=backend,
        spelling=_spelling(decoder),
        size=size,
        added=added,
        named=named,
        bos_id=bos_id,
        eos_ids=_eos_ids(folder, backend, size, by_content, named.get("eos_token")),
        prefix_ids=prefix_ids,
        suffix_ids=suffix_ids,
        leading_space=_strips_leading_space(decoder),
        chat_template=_chat_template(folder, config),
    )


def _json(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        raise Corrupt(f"{path} is not valid JSON: download it again.") from None
    if not isinstance(value, dict):
        raise Corrupt(f"{path} does not hold a JSON object: download it again.")
    return value


def _content(value: object) -> str | None:
    """A token as the config files spell it: text, or an object with its text inside."""
    if isinstance(value, Mapping):
        value = value.get("content")
    return value if isinstance(value, str) and value else None


def _named(config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name in _NAMED:
        content = _content(config.get(name))
        if content is not None:
            yield name, content


def _added_tokens(backend: Backend, config: Mapping[str, object]) -> tuple[AddedToken, ...]:
    """The backend's added tokens, after those that only `tokenizer_config.json` knows."""
    declared = config.get("added_tokens_decoder")
    known = {token.content for token in backend.get_added_tokens_decoder().values()}
    if isinstance(declared, Mapping):
        for value in declared.values():
            content = _content(value)
            if content is not None and content not in known and isinstance(value, Mapping):
                flags = {
                    flag: bool(value.get(flag, False))
                    for flag in ("lstrip", "rstrip", "single_word", "normalized", "special")
                }
                backend.add_tokens([BackendToken(content, **flags)])
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


def _lookup(backend: Backend, by_content: Mapping[str, int], content: str | None) -> int | None:
    if content is None:
        return None
    return by_content.get(content, backend.token_to_id(content))


def _frame(
    backend: Backend, config: Mapping[str, object], bos_id: int | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the post-processor puts before and after a text, seen on a text of one letter."""
    plain = backend.encode("a", add_special_tokens=False).ids
    framed = backend.encode("a", add_special_tokens=True).ids
    starts = range(len(framed) - len(plain) + 1)
    start = next((i for i in starts if framed[i : i + len(plain)] == plain), 0)
    prefix, suffix = tuple(framed[:start]), tuple(framed[start + len(plain) :])
    wanted = config.get("add_bos_token")
    if isinstance(wanted, bool) and bos_id is not None:
        prefix = (bos_id,) if wanted else ()
    return prefix, suffix


def _state(component: object) -> str:
    """A `tokenizers` component as its JSON text."""
    if component is None:
        return ""
    state = component.__getstate__()
    return state.decode("utf-8") if isinstance(state, bytes) else str(state)


def _spelling(decoder: str) -> Spelling:
    if '"ByteLevel"' in decoder:
        return "bytes"
    return "wordpiece" if '"WordPiece"' in decoder else "sentencepiece"


def _strips_leading_space(decoder: str) -> bool:
    if '"Strip"' in decoder:
        return True
    return '"Metaspace"' in decoder and '"never"' not in decoder


def _eos_ids(
    folder: Path,
    backend: Backend,
    size: int,
    by_content: Mapping[str, int],
    eos_token: str | None,
) -> frozenset[int]:
    generation = _json(folder / "generation_config.json") or _json(folder / "config.json")
    listed = generation.get("eos_token_id")
    listed = listed if isinstance(listed, list) else [listed]
    ids = {number for number in listed if isinstance(number, int) and 0 <= number < size}
    ids |= {number for content, number in by_content.items() if content in ENDS_OF_ANSWER}
    eos_id = _lookup(backend, by_content, eos_token)
    return frozenset(ids if eos_id is None else ids | {eos_id})


def _chat_template(folder: Path, config: Mapping[str, object]) -> str | None:
    path = folder / "chat_template.jinja"
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise Corrupt(f"{path} is not UTF-8: download it again.") from None
    template = config.get("chat_template")
    if isinstance(template, list):
        named = [one for one in template if isinstance(one, Mapping)]
        named.sort(key=lambda one: one.get("name") != "default")
        template = named[0].get("template") if named else None
    return template if isinstance(template, str) else None
