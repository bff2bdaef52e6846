"""The law: ids from a Hugging Face folder equal those of transformers from the same folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tokenizers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, models, processors

from fireside.errors import Corrupt, NotFound
from fireside.tokenizer import Tokenizer

from .conftest import FAMILIES
from .corpus import TEXTS


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_ids_and_text_equal_those_of_transformers(
    name: str, family_folder: Callable[[str], Path]
) -> None:
    from transformers import AutoTokenizer

    folder = family_folder(name)
    ours, theirs = Tokenizer.from_folder(folder), AutoTokenizer.from_pretrained(folder)
    assert ours.vocab_size == len(theirs)
    spelled = " ".join(ours.token_text(one) for one in sorted(ours.special_ids))
    for text in TEXTS:
        if not any(ours.token_text(one) in text for one in ours.special_ids):
            ids = theirs.encode(text, add_special_tokens=False)
            assert ours.encode(text) == ids
            if "\0" not in text:
                assert ours.decode(ids) == theirs.decode(ids)
    assert ours.encode(spelled, special=True) == theirs.encode(spelled, add_special_tokens=False)


def test_an_encoder_gets_its_frame(minilm_path: Path) -> None:
    from transformers import AutoTokenizer

    ours, theirs = Tokenizer.from_folder(minilm_path), AutoTokenizer.from_pretrained(minilm_path)
    for text in ("A cat, sitting.", "Zürich 你好 unbelievably", "", "[SEP] is text"):
        if "[" not in text:
            assert ours.frame(ours.encode(text)) == theirs.encode(text)
        unknown = ours.encode("[UNK]", special=True)
        assert (ours.special_ids - {*unknown}).isdisjoint(ours.encode(text))
    assert unknown != ours.encode("[UNK]")
    assert ours.encode("你") == unknown
    assert ours.decode(ours.encode("unbelievable cats")) == "unbelievable cats"
    assert ours.chat_template is None


def folder_with(tmp_path: Path, source: Path, **files: object) -> Path:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    for name, value in files.items():
        stem, _, ending = name.rpartition("_")
        text = value if isinstance(value, str) else json.dumps(value)
        (tmp_path / f"{stem}.{ending}").write_text(text, encoding="utf-8")
    return tmp_path


def test_what_ends_an_answer_is_gathered_from_every_file(
    tmp_path: Path, family_folder: Callable[[str], Path]
) -> None:
    source = family_folder("chatml")
    end, text_end = (
        Tokenizer.from_folder(source).encode(one, special=True)[0]
        for one in ("<|im_end|>", "<|endoftext|>")
    )
    bare = Tokenizer.from_folder(folder_with(tmp_path / "a", source))
    assert bare.eos_ids == {end, text_end}  # by their names
    assert bare.bos_id is None
    listed = folder_with(tmp_path / "b", source, generation_config_json={"eos_token_id": [5, 7]})
    assert Tokenizer.from_folder(listed).eos_ids == {5, 7, end, text_end}
    single = folder_with(tmp_path / "c", source, config_json={"eos_token_id": 9})
    assert Tokenizer.from_folder(single).eos_ids == {9, end, text_end}
    named = folder_with(
        tmp_path / "d",
        source,
        special_tokens_map_json={"eos_token": {"content": "!"}, "bos_token": "<|im_start|>"},
    )
    tokenizer = Tokenizer.from_folder(named)
    assert tokenizer.encode("!")[0] in tokenizer.eos_ids
    assert tokenizer.bos_id == tokenizer.encode("<|im_start|>", special=True)[0]


def test_the_template_is_found_where_it_lies(
    tmp_path: Path, family_folder: Callable[[str], Path]
) -> None:
    source = family_folder("chatml")
    own = folder_with(tmp_path / "a", source, tokenizer_config_json={"chat_template": "A"})
    assert Tokenizer.from_folder(own).chat_template == "A"
    several = [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]
    many = folder_with(tmp_path / "b", source, tokenizer_config_json={"chat_template": several})
    assert Tokenizer.from_folder(many).chat_template == "D"
    first = folder_with(
        tmp_path / "c",
        source,
        tokenizer_config_json={"chat_template": "A"},
        chat_template_jinja="J",
    )
    assert Tokenizer.from_folder(first).chat_template == "J"


def test_the_post_processor_alone_says_whether_a_text_begins_with_bos(
    tmp_path: Path, family_folder: Callable[[str], Path]
) -> None:
    from transformers import AutoTokenizer

    backend = tokenizers.Tokenizer.from_file(str(family_folder("chatml") / "tokenizer.json"))
    bos = backend.token_to_id("<|im_start|>")
    framed = processors.TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", bos)]
    )
    for frame, said in ((None, True), (framed, False)):
        if frame is not None:
            backend.post_processor = frame
        folder = tmp_path / str(said)
        folder.mkdir()
        backend.save(str(folder / "tokenizer.json"))
        config = {"bos_token": "<|im_start|>", "add_bos_token": said}
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        ours, theirs = Tokenizer.from_folder(folder), AutoTokenizer.from_pretrained(folder)
        begun = [bos] if frame else []
        assert ours.encode("a", add_bos=True) == [*begun, *ours.encode("a")] == theirs.encode("a")
        assert ours.frame(ours.encode("a")) == ours.encode("a", add_bos=True)


def test_tokens_that_only_the_config_knows_are_added(
    tmp_path: Path, family_folder: Callable[[str], Path]
) -> None:
    source = family_folder("chatml")
    size = Tokenizer.from_folder(source).vocab_size
    config = {"added_tokens_decoder": {str(size): {"content": "<|late|>", "special": True}}}
    tokenizer = Tokenizer.from_folder(
        folder_with(tmp_path / "a", source, tokenizer_config_json=config)
    )
    assert tokenizer.encode("a<|late|>", special=True)[-1] == size
    assert size not in tokenizer.encode("a<|late|>")


def test_a_numbering_with_holes(tmp_path: Path) -> None:
    described = {
        "version": "1.0",
        "added_tokens": [],
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 5}, "merges": []},
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(described))
    tokenizer = Tokenizer.from_folder(tmp_path)
    assert tokenizer.vocab_size == 6
    assert tokenizer.encode("ab") == [0, 5]
    assert [tokenizer.token_bytes(one) for one in range(6)] == [b"a", b"", b"", b"", b"", b"b"]


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda some: (
        st.lists(some, max_size=2)
        | st.dictionaries(st.sampled_from(["content", "name", "template", "0", "special"]), some)
    ),
    max_leaves=5,
)
KEYS = ["bos_token", "eos_token", "chat_template", "added_tokens_decoder", "add_bos_token"]


@given(st.dictionaries(st.sampled_from(KEYS), VALUES), VALUES)
@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nonsense_in_the_small_files_is_read_past(
    tmp_path: Path, family_folder: Callable[[str], Path], config: dict[str, object], eos: object
) -> None:
    folder = folder_with(
        tmp_path,
        family_folder("chatml"),
        tokenizer_config_json=config,
        special_tokens_map_json=config,
        generation_config_json={"eos_token_id": eos},
    )
    tokenizer = Tokenizer.from_folder(folder)
    assert all(0 <= one < tokenizer.vocab_size for one in tokenizer.eos_ids)
    assert tokenizer.decode(tokenizer.encode("Hello, world")) == "Hello, world"


def test_control_tokens_nested_without_end_are_told(tmp_path: Path) -> None:
    nested = [AddedToken("<" + "x" * i, special=True, normalized=False) for i in range(2000)]
    backend = tokenizers.Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
    backend.add_special_tokens(nested)
    backend.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(Corrupt, match="begin with one another"):
        Tokenizer.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("files", "error", "says"),
    [
        ({}, NotFound, "no tokenizer.json"),
        ({"tokenizer.json": "{"}, Corrupt, "tokenizer.json cannot be read"),
        ({"tokenizer.json": "[]"}, Corrupt, "tokenizer.json cannot be read"),
        ({"tokenizer.json": "\x80\x81"}, Corrupt, "tokenizer.json cannot be read"),
        ({"tokenizer_config.json": "{"}, Corrupt, "tokenizer_config.json is not valid JSON"),
        ({"tokenizer_config.json": "[1]"}, Corrupt, "does not hold a JSON object"),
        ({"tokenizer_config.json": "[" * 100_000}, Corrupt, "not valid JSON"),
        (
            {"generation_config.json": "nonsense"},
            Corrupt,
            "generation_config.json is not valid JSON",
        ),
    ],
)
def test_a_broken_folder_is_told_in_one_line(
    tmp_path: Path,
    family_folder: Callable[[str], Path],
    files: dict[str, str],
    error: type[Exception],
    says: str,
) -> None:
    if files and "tokenizer.json" not in files:
        folder_with(tmp_path, family_folder("chatml"))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
    with pytest.raises(error) as raised:
        Tokenizer.from_folder(tmp_path)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
