"""Text to a vocabulary of its own: byte-level BPE, in the files that everybody reads.

GPT-2's way of cutting text, because then `tokenizer.json`, `GPT2Tokenizer` (which reads vocab.json
and merges.txt), llama.cpp's `gpt-2` and Fireside give the same ids for every text.  The 256 bytes
are always in it, so no text is unknown.  The same texts give the same bytes on disk.

It refuses to read files (the caller brings an iterator), and to hold more than a piece of the text
at a time; what grows is the count of distinct words, so reading ends at `MOST_CHARACTERS`.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors, trainers
from tokenizers import Tokenizer as Backend

from fireside.errors import BadRequest, Conflict
from fireside.tokenizer.templates import (
    END_OF_TEXT,
    END_OF_TURN,
    PADDING,
    TURN,
    TemplateName,
    template_fields,
    write_json,
)

# Padding is 0: KerasHub pads with 0 whatever the files say, and stops where 0 ends a text.
# The reserved ones are for what a later tuning may need: a new id would mean a new embedding.
SPECIAL = (PADDING, END_OF_TEXT, TURN, END_OF_TURN, *(f"<|reserved_{i}|>" for i in range(4)))
SMALLEST = 256 + len(SPECIAL)

# Merges of a 32k vocabulary change little after a gigabyte (nanochat stops at two).
MOST_CHARACTERS = 2_000_000_000
# A pair seen once teaches nothing but the text itself.
LEAST_FREQUENCY = 2
# A piece ends before a white space: there GPT-2's expression cuts anyway, so nothing changes.
PIECE = 1 << 16
_GAP = re.compile(r"(?<=\S)\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedTokenizer:
    """What came out.

    vocab_size: ids, control tokens among them; below `wanted` where the text has no more pairs
        that occur twice.
    characters: how many were read; `whole` says whether that was all of them.
    """

    folder: Path
    vocab_size: int
    wanted: int
    characters: int
    whole: bool


def train_tokenizer(
    texts: Iterable[str],
    vocab_size: int,
    folder: Path,
    *,
    template: TemplateName = "continuing",
    context: int | None = None,
    most_characters: int = MOST_CHARACTERS,
    progress: Callable[[int], None] | None = None,
) -> TrainedTokenizer:
    """Learn a vocabulary and write it: tokenizer.json, tokenizer_config.json,
    special_tokens_map.json, vocab.json, merges.txt.

    texts: documents; never joined.
    vocab_size: how many ids there may be, the bytes and the control tokens included.
    context: the longest sequence of the model, for `model_max_length`.
    progress: hears how many characters have been read.

    Raises:
        BadRequest: too small a vocabulary, or no text.
        Conflict: the folder is not empty.
    """
    folder = Path(folder)
    if vocab_size < SMALLEST:
        raise BadRequest(
            f"A vocabulary of {vocab_size} is too small: the 256 bytes and {len(SPECIAL)} control "
            f"tokens need {SMALLEST}.",
            param="vocab-size",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is there and not empty: name another folder, or remove it first.")
    reading = _Reading(texts, most_characters, progress)
    backend = _learned(reading, vocab_size)
    if not reading.characters:
        raise BadRequest("There is no text to learn a vocabulary from: the data is empty.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(backend, unfinished, template, context)
        unfinished.chmod(0o755)  # mkdtemp made it private
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return TrainedTokenizer(
        folder=folder,
        vocab_size=backend.get_vocab_size(),
        wanted=vocab_size,
        characters=reading.characters,
        whole=reading.whole,
    )


class _Reading:
    """The texts in pieces, counted, up to a bound."""

    def __init__(
        self, texts: Iterable[str], most: int, progress: Callable[[int], None] | None
    ) -> None:
        self._texts, self._most, self._progress = texts, most, progress
        self.characters = 0
        self.whole = True

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            for piece in _pieces(_valid(text)):
                if self.characters + len(piece) > self._most:
                    self.whole = False
                    return
                self.characters += len(piece)
                yield piece
            if self._progress:
                self._progress(self.characters)


def _pieces(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > PIECE:
        gap = _GAP.search(text, start + PIECE // 2, start + PIECE)
        end = gap.start() if gap else start + PIECE
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _valid(text: str) -> str:
    """Without lone surrogates, which JSON can spell and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _learned(texts: Iterable[str], vocab_size: int) -> Backend:
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=LEAST_FREQUENCY,
        special_tokens=[AddedToken(token, normalized=False, special=True) for token in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return backend


def _write(backend: Backend, folder: Path, template: TemplateName, context: int | None) -> None:
    backend.save(str(folder / "tokenizer.json"))
    backend.model.save(str(folder))  # vocab.json and merges.txt
    named = {"bos_token": END_OF_TEXT, "eos_token": END_OF_TEXT, "pad_token": PADDING}
    named["unk_token"] = END_OF_TEXT  # as GPT-2 has it; no text is unknown
    fields = template_fields(template)
    write_json(folder / "special_tokens_map.json", named | {"eos_token": fields["eos_token"]})
    decoder = {
        str(number): {
            "content": token,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for number, token in enumerate(SPECIAL)
    }
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "GPT2Tokenizer",
            "add_prefix_space": False,
            "add_bos_token": False,
            "added_tokens_decoder": decoder,
            **named,
            "clean_up_tokenization_spaces": False,
            "model_max_length": context or 1_000_000,
            **fields,
        },
    )
