"""A vocabulary from a GGUF's metadata, whichever reader read it.

Two kinds are known: `gpt2` (byte-level BPE with its merges) and `llama` (SentencePiece BPE, whose
merges are recovered from the scores).  Anything else is refused by name.  The lists may be Python
lists, arrays or lazily decoded sequences; each is walked once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from tokenizers import AddedToken as BackendToken
from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers

from fireside.errors import Corrupt, Unsupported
from fireside.tokenizer.pretokenization import pre_tokenization
from fireside.tokenizer.vocabulary import DEFAULT_TEMPLATE, ENDS_OF_ANSWER, AddedToken, Vocabulary

UNKNOWN_TOKEN, CONTROL, USER_DEFINED, BYTE = 2, 3, 4, 6
"""`tokenizer.ggml.token_type`; 1 is an ordinary token, 5 an unused one."""

TEMPLATE_KEY = "tokenizer.chat_template"
_GEMMA = frozenset({"gemma", "gemma2", "gemma3", "gemma3n"})
_NAMED = {
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "unk_token": "unknown_token_id",
    "pad_token": "padding_token_id",
}


def vocabulary_from_gguf(metadata: Mapping[str, object]) -> Vocabulary:
    """The vocabulary that a GGUF describes.

    Raises:
        Corrupt: the metadata contradicts itself or lacks the tokens.
        Unsupported: a kind of tokenizer, or of pre-tokenizer, that we do not know.
    """
    try:
        return _vocabulary(metadata)
    except (TypeError, ValueError, OverflowError) as error:
        raise Corrupt(
            f"The GGUF's tokenizer is not what it says ({str(error)[:120]!r}): download it again."
        ) from None


def _vocabulary(metadata: Mapping[str, object]) -> Vocabulary:
    kind = metadata.get("tokenizer.ggml.model")
    if kind not in ("gpt2", "llama"):
        raise Unsupported(
            f"This GGUF has a tokenizer of the kind {str(kind)[:40]!r}; Fireside reads 'gpt2' and "
            "'llama'. Use the model's Hugging Face folder instead."
        )
    tokens = _strings(metadata, "tokenizer.ggml.tokens")
    types = _types(metadata, len(tokens))
    added = tuple(
        AddedToken(id=i, content=tokens[i], special=types[i] == CONTROL)
        for i, type_ in enumerate(types)
        if type_ in (CONTROL, USER_DEFINED)
    )
    gemma = str(metadata.get("general.architecture")) in _GEMMA
    leading_space = False
    if kind == "gpt2":
        backend = _byte_level(metadata, tokens)
    else:
        leading_space = bool(metadata.get("tokenizer.ggml.add_space_prefix", not gemma))
        backend = _sentencepiece(metadata, tokens, types, gemma=gemma, prefix=leading_space)
    backend.encode_special_tokens = True
    backend.add_tokens(
        [BackendToken(t.content, normalized=False, special=False) for t in added if not t.special]
    )
    bos_id = _id(metadata, "bos_token_id", len(tokens))
    adds_bos = bool(metadata.get("tokenizer.ggml.add_bos_token", kind == "llama"))
    return Vocabulary(
        backend=backend,
        spelling="bytes" if kind == "gpt2" else "sentencepiece",
        size=len(tokens),
        added=added,
        named={
            name: tokens[number]
            for name, key in _NAMED.items()
            if (number := _id(metadata, key, len(tokens))) is not None
        },
        bos_id=bos_id,
        eos_ids=_eos_ids(metadata, added, len(tokens)),
        prefix_ids=(bos_id,) if adds_bos and bos_id is not None else (),
        suffix_ids=(),
        leading_space=leading_space,
        templates=_templates(metadata),
    )


def _templates(metadata: Mapping[str, object]) -> dict[str, str]:
    """`tokenizer.chat_template`, and `tokenizer.chat_template.NAME` of those with a name."""
    found = {}
    for key, value in metadata.items():
        if key.startswith(TEMPLATE_KEY) and isinstance(value, str):
            name = key.removeprefix(TEMPLATE_KEY)
            found[name.removeprefix(".") or DEFAULT_TEMPLATE] = value
    return found


def _byte_level(metadata: Mapping[str, object], tokens: Sequence[str]) -> Backend:
    scheme = pre_tokenization(metadata.get("tokenizer.ggml.pre"))
    merges = [_pair(merge) for merge in _strings(metadata, "tokenizer.ggml.merges")]
    backend = Backend(_bpe(vocab=_index(tokens), merges=merges, ignore_merges=scheme.whole_words))
    if scheme.nfc:
        backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = scheme.build()
    return backend


def _sentencepiece(
    metadata: Mapping[str, object],
    tokens: Sequence[str],
    types: Sequence[int],
    *,
    gemma: bool,
    prefix: bool,
) -> Backend:
    if gemma:
        # Gemma's files spell runs of spaces with real spaces; its own tokenizer.json uses `▁`.
        tokens = ["▁" * len(t) if t.isspace() and " " * len(t) == t else t for t in tokens]
    vocab = _index(tokens)
    merges = (
        [_pair(merge) for merge in _strings(metadata, "tokenizer.ggml.merges")]
        if "tokenizer.ggml.merges" in metadata
        # Gemma's scores do not follow the order of its merges; the order of its tokens does.
        else _merges_by_score(vocab, types, None if gemma else _scores(metadata, len(tokens)))
    )
    unknown = _id(metadata, "unknown_token_id", len(tokens))
    if unknown is not None and types[unknown] == CONTROL:
        unknown = None  # no text may become a control token, not even unknown text
    backend = Backend(
        _bpe(
            vocab=vocab,
            merges=merges,
            fuse_unk=True,
            byte_fallback=True,
            unk_token=None if unknown is None else tokens[unknown],
        )
    )
    if gemma:
        backend.normalizer = normalizers.Replace(" ", "▁")
    elif metadata.get("general.architecture") == "phi3":
        # Phi-3 puts the prefix on every stretch between control tokens, and on spaces too.
        backend.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
    else:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(
            replacement="▁", prepend_scheme="first" if prefix else "never", split=False
        )
    return backend


def _merges_by_score(
    vocab: Mapping[str, int], types: Sequence[int], scores: Sequence[float] | None
) -> list[tuple[str, str]]:
    """Every way to make a token from two others, best first, as SentencePiece would merge.

    Control tokens are left out, so that no text can be merged into one.
    """
    ordinary = {token: i for token, i in vocab.items() if types[i] not in (CONTROL, UNKNOWN_TOKEN)}
    by_score: dict[float, list[str]] = {}
    for token, number in ordinary.items():
        by_score.setdefault(-number if scores is None else scores[number], []).append(token)
    merges: list[tuple[str, str]] = []
    for score in sorted(by_score, reverse=True):
        found = [
            (token[:middle], token[middle:])
            for token in by_score[score]
            for middle in range(len(token) - 1, 0, -1)
            if token[:middle] in ordinary and token[middle:] in ordinary
        ]
        if len(by_score[score]) > 1:  # of equal scores: the longest parts first, whatever the token
            found.sort(key=lambda pair: (len(pair[0]), len(pair[1])), reverse=True)
        merges += found
    return merges


def _bpe(**arguments: Any) -> models.BPE:
    try:
        return models.BPE(**arguments)
    except Exception as error:  # `tokenizers` raises bare Exception
        raise Corrupt(
            f"The GGUF's merges do not fit its tokens ({str(error)[:120]}): download it again."
        ) from None


def _index(tokens: Sequence[str]) -> dict[str, int]:
    vocab = dict(zip(tokens, range(len(tokens)), strict=True))
    if len(vocab) == len(tokens):
        return vocab
    vocab.clear()
    for i, token in enumerate(tokens):
        if vocab.setdefault(token, i) != i:
            # A spelling twice: the second keeps its place in the numbering, out of text's reach.
            vocab[f"{token}\0{i}"] = i
    return vocab


def _pair(merge: str) -> tuple[str, str]:
    # From the second character on: a merge may begin with a space of its own.
    left, space, right = merge.partition(" ") if merge[:1] != " " else _pair_of_spaces(merge)
    if not (space and left and right):
        raise Corrupt(f"The GGUF has a merge of one part, {merge[:40]!r}: download it again.")
    return left, right


def _pair_of_spaces(merge: str) -> tuple[str, str, str]:
    middle = merge.find(" ", 1)
    return merge[:middle], " ", merge[middle + 1 :]


def _strings(metadata: Mapping[str, object], key: str) -> list[str]:
    value = metadata.get(key)
    if value is None or isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        raise Corrupt(f"The GGUF lacks the list {key}: download it again.")
    strings = list(cast("Sequence[object]", value))
    if set(map(type, strings)) != {str}:
        raise Corrupt(f"The GGUF's {key} is not a list of texts: download it again.")
    return cast("list[str]", strings)


def _types(metadata: Mapping[str, object], count: int) -> list[int]:
    value = metadata.get("tokenizer.ggml.token_type")
    if value is None:
        return [1] * count
    types = list(map(int, cast("Sequence[int]", value)))
    if len(types) != count:
        raise Corrupt(
            f"The GGUF has {count} tokens but {len(types)} token types: download it again."
        )
    return types


def _scores(metadata: Mapping[str, object], count: int) -> list[float]:
    value = metadata.get("tokenizer.ggml.scores")
    scores = [] if value is None else list(map(float, cast("Sequence[float]", value)))
    if len(scores) != count:
        raise Corrupt(f"The GGUF has {count} tokens but {len(scores)} scores: download it again.")
    return scores


def _id(metadata: Mapping[str, object], key: str, count: int) -> int | None:
    value = metadata.get(f"tokenizer.ggml.{key}")
    if value is None:
        return None
    number = int(cast("int", value))
    if not 0 <= number < count:
        raise Corrupt(
            f"The GGUF's {key} is {number}, but it has {count} tokens: download it again."
        )
    return number


def _eos_ids(
    metadata: Mapping[str, object], added: tuple[AddedToken, ...], count: int
) -> frozenset[int]:
    ids = {_id(metadata, key, count) for key in ("eos_token_id", "eot_token_id", "eom_token_id")}
    ids |= {token.id for token in added if token.content in ENDS_OF_ANSWER}
    return frozenset(one for one in ids if one is not None)
