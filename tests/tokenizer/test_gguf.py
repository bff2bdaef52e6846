"""The law: ids from a GGUF's metadata equal those of the model's own tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.errors import Corrupt, Unsupported
from fireside.tokenizer import Tokenizer
from tests.measures import seconds

from .conftest import Spm, ids
from .corpus import TEXTS, training_text


@pytest.fixture(scope="module")
def reference(smollm2_metadata: dict[str, Any]) -> Any:
    """transformers' own reading of the same file."""
    from transformers.integrations.gguf import convert_gguf_tokenizer

    described = {
        "tokenizer_type": "gpt2",
        "tokens": smollm2_metadata["tokenizer.ggml.tokens"],
        "merges": smollm2_metadata["tokenizer.ggml.merges"],
        "token_type": list(smollm2_metadata["tokenizer.ggml.token_type"]),
    }
    backend, _ = convert_gguf_tokenizer("llama", described)
    return backend


def test_ids_equal_those_of_transformers(smollm2: Tokenizer, reference: Any) -> None:
    for text in [*TEXTS, "".join(TEXTS), "\n".join(training_text())]:
        assert smollm2.encode(text) == ids(reference, text)


def test_ids_equal_on_the_shared_data(
    smollm2: Tokenizer, reference: Any, shared_data: Path
) -> None:
    for path in sorted(shared_data.iterdir()):
        text = path.read_text(encoding="utf-8", errors="replace")[:60_000]
        assert smollm2.encode(text) == ids(reference, text), path.name


@given(st.text(max_size=60))
@settings(deadline=None)
def test_ids_equal_on_any_text(smollm2: Tokenizer, reference: Any, text: str) -> None:
    assert smollm2.encode(text) == ids(reference, text)


def test_control_tokens_in_trusted_text_equal_those_of_transformers(
    smollm2: Tokenizer, reference: Any
) -> None:
    text = "<|im_start|>user\n 12 <|im_end|><|im_end|> <|im_start|<|endoftext|>  <repo_name>x"
    assert smollm2.encode(text, special=True) == ids(reference, text, special=True)


def test_what_the_file_says_of_its_tokens(smollm2: Tokenizer) -> None:
    assert smollm2.vocab_size == 49152
    assert smollm2.bos_id == 1
    assert smollm2.eos_ids == {0, 2}
    assert smollm2.special_ids == set(range(17))
    assert not smollm2.supports_tools
    assert smollm2.token_text(1) == "<|im_start|>"
    # The file has a BOS and says that texts begin without it.
    assert smollm2.encode("a", add_bos=True) == smollm2.encode("a")


def test_it_loads_at_once(smollm2_metadata: dict[str, Any]) -> None:
    # 0.08 s alone on a quiet core; the bound leaves room for a busy one.
    assert seconds(lambda: Tokenizer.from_gguf(smollm2_metadata), tries=3) < 0.75


class Lazy(Sequence[str]):
    """A list that a reader decodes only when it is walked."""

    def __init__(self, items: Sequence[str]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]


def test_lists_may_be_arrays_or_lazy(spm: Spm) -> None:
    plain = Tokenizer.from_gguf(spm.metadata())
    lazy = Tokenizer.from_gguf(
        spm.metadata(
            tokens=Lazy(spm.pieces),
            scores=np.array(spm.scores, dtype=np.float32),
            token_type=np.array(spm.types, dtype=np.int32),
        )
    )
    assert [lazy.encode(text) for text in TEXTS] == [plain.encode(text) for text in TEXTS]


# -- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"model": "t5"}, Unsupported, "'t5'"),
        ({"model": None}, Unsupported, "None"),
        ({"tokens": None}, Corrupt, "tokenizer.ggml.tokens"),
        ({"tokens": "abc"}, Corrupt, "tokenizer.ggml.tokens"),
        ({"tokens": []}, Corrupt, "tokenizer.ggml.tokens"),
        ({"tokens": [1, 2]}, Corrupt, "tokenizer.ggml.tokens"),
        ({"token_type": [1]}, Corrupt, "token types"),
        ({"scores": [0.5]}, Corrupt, "scores"),
        ({"scores": None}, Corrupt, "scores"),
        ({"bos_token_id": 10**6}, Corrupt, "bos_token_id"),
        ({"eos_token_id": -1}, Corrupt, "eos_token_id"),
        ({"merges": ["a"]}, Corrupt, "one part"),
        ({"merges": ["qqq zzz"]}, Corrupt, "merges"),
        ({"model": "gpt2", "merges": ["a b"]}, Unsupported, "tokenizer.ggml.pre"),
        ({"model": "gpt2", "merges": ["a b"], "pre": "x" * 99}, Unsupported, "xxx"),
        ({"model": "gpt2", "pre": "gpt-2"}, Corrupt, "tokenizer.ggml.merges"),
    ],
)
def test_contradictions_are_told_in_one_line(
    spm: Spm, changes: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as raised:
        Tokenizer.from_gguf(spm.metadata(**changes))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = SCALARS | st.lists(SCALARS | st.lists(SCALARS, max_size=2), max_size=4)
KEYS = [
    *("model", "pre", "tokens", "scores", "token_type", "merges", "bos_token_id", "eos_token_id"),
    *("unknown_token_id", "padding_token_id", "eot_token_id", "add_bos_token", "add_space_prefix"),
]


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=4), VALUES)
@settings(deadline=None)
def test_nonsense_is_told_or_read(spm: Spm, changes: dict[str, object], other: object) -> None:
    metadata = spm.metadata(**changes)
    metadata |= {"tokenizer.chat_template": other, "general.architecture": other}
    with suppress(Corrupt, Unsupported):
        tokenizer = Tokenizer.from_gguf(metadata)
        assert all(0 <= one < tokenizer.vocab_size for one in tokenizer.encode("any text"))


def test_texts_that_are_no_unicode_are_told(spm: Spm) -> None:
    for at, kind in ((600, 1), (601, 3), (602, 4)):
        pieces, types = [*spm.pieces], [*spm.types]
        pieces[at], types[at] = "\ud800", kind
        with pytest.raises(Corrupt):
            Tokenizer.from_gguf(spm.metadata(tokens=pieces, token_type=types))


def test_a_spelling_twice_moves_no_other_number(spm: Spm) -> None:
    twice = [*spm.pieces]
    twice[700] = twice[600]
    tokenizer = Tokenizer.from_gguf(spm.metadata(tokens=twice))
    assert tokenizer.vocab_size == len(twice)
    assert tokenizer.token_text(899) == twice[899]
    assert all(number < len(twice) for text in TEXTS for number in tokenizer.encode(text))
