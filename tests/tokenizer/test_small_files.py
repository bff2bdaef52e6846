"""What stands beside tokenizer.json, each file as transformers reads it: tokens, spaces, templates,
and every kind of decoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Backend

from fireside.errors import BadRequest, NotFound, Unsupported
from fireside.messages import Message
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.folder import vocabulary_from_folder
from fireside.tokenizer.gguf import vocabulary_from_gguf
from fireside.tokenizer.save import copy_tokenizer, write_gguf_tokenizer
from fireside.tokenizer.write_gguf import gguf_metadata


def folder_of(folder: Path, backend: Backend, **files: object) -> Path:
    """A folder with this tokenizer.json; `tokenizer_config=...` becomes tokenizer_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    backend.save(str(folder / "tokenizer.json"))
    for stem, value in files.items():
        (folder / f"{stem}.json").write_text(json.dumps(value), encoding="utf-8")
    return folder


def both(folder: Path) -> tuple[Tokenizer, Any]:
    from transformers import AutoTokenizer

    return Tokenizer.from_folder(folder), AutoTokenizer.from_pretrained(folder)


@pytest.fixture
def byte_level(byte_level_json: str) -> Backend:
    backend = Backend.from_str(byte_level_json)
    backend.add_special_tokens([AddedToken("<|end|>", special=True, normalized=False)])
    return backend


# -- tokens ----------------------------------------------------------------------------------

LATE = {"content": "<|late|>", "special": True, "normalized": False}
LOOSE = {"content": "[loose]", "special": False, "lstrip": True, "rstrip": True}
WORD = {"content": "[word]", "special": False, "single_word": True, "normalized": False}
DECLARATIONS: dict[str, dict[str, object]] = {
    "a list": {
        "tokenizer_config": {
            "added_tokens_decoder": {"801": LATE, "802": LOOSE, "803": WORD},
            "eos_token": "<|end|>",
        },
        "special_tokens_map": {"eos_token": "<|late|>"},  # not read beside a list
    },
    "flags that tokenizer.json has not": {
        "tokenizer_config": {
            "added_tokens_decoder": {"800": {"content": "<|end|>", "special": True, "lstrip": True}}
        }
    },
    "out of order": {
        "tokenizer_config": {"added_tokens_decoder": {"802": LOOSE, "801": WORD}},
    },
    "a map alone": {
        "tokenizer_config": {"eos_token": "<|end|>"},
        "special_tokens_map": {
            "eos_token": {"content": "<|late|>", "lstrip": False, "normalized": False},
            "additional_special_tokens": ["<|more|>"],
        },
    },
    "added_tokens.json": {
        "tokenizer_config": {"pad_token": "[pad]"},
        "added_tokens": {"[pad]": 801, "[plain]": 802},
    },
    "named, and nowhere else": {
        "tokenizer_config": {
            "bos_token": "<|begin|>",
            "image_token": "<image>",
            "extra_special_tokens": {"audio_token": "<audio>"},
        }
    },
    "more of them": {"tokenizer_config": {"additional_special_tokens": ["<|x|>", "<|y|>"]}},
}
TOKEN_TEXT = (
    "a <|late|> b[loose] [word]x [word] c  <|end|>  d <|more|>e [pad] [plain] "
    "<|begin|> <image> <audio> <|x|><|y|>"
)


@pytest.mark.parametrize("case", DECLARATIONS)
def test_declared_tokens(case: str, tmp_path: Path, byte_level: Backend) -> None:
    ours, theirs = both(folder_of(tmp_path, byte_level, **DECLARATIONS[case]))
    assert ours.vocab_size == len(theirs)
    ids = theirs.encode(TOKEN_TEXT, add_special_tokens=False)
    assert ours.encode(TOKEN_TEXT, special=True) == ids
    assert ours.decode(ids, skip_special=False) == theirs.decode(ids)
    assert ours.named_ids == {
        name: theirs.convert_tokens_to_ids(text) for name, text in theirs.special_tokens_map.items()
    }


def test_a_named_letter_stays_a_letter(tmp_path: Path, byte_level: Backend) -> None:
    """A pad_token "!": for transformers a control token now, and every "!" with it; not for us."""
    ours, _ = both(folder_of(tmp_path, byte_level, tokenizer_config={"pad_token": "!"}))
    assert ours.decode(ours.encode("Stop!")) == "Stop!"
    assert ours.named_ids["pad_token"] not in ours.special_ids


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("name", ["GPT2Tokenizer", "Qwen2TokenizerFast", "PreTrainedTokenizerFast"])
def test_a_prefix_space_of_byte_level_classes(wanted: bool, name: str, tmp_path: Path) -> None:
    """The config's word counts for classes that transformers builds anew, and no other."""
    backend = Backend(models.BPE({c: i for i, c in enumerate(sorted(ALPHABET))}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=not wanted, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    config = {"tokenizer_class": name, "add_prefix_space": wanted, "eos_token": "!!"}
    ours, theirs = both(folder_of(tmp_path, backend, tokenizer_config=config))
    for text in ("Hello", " Hello"):
        assert ours.encode(text) == theirs.encode(text, add_special_tokens=False)


ALPHABET = pre_tokenizers.ByteLevel.alphabet()


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
def test_a_prefix_space_of_llama(wanted: bool, legacy: bool, tmp_path: Path) -> None:
    backend = pieces(byte_fallback=True, prefix=not wanted)
    config = {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": wanted, "legacy": legacy}
    named = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    ours, theirs = both(folder_of(tmp_path, backend, tokenizer_config=config | named))
    for text in ("ab", " ab", "a<s>b ab</s>  b"):
        ids = theirs.encode(text, add_special_tokens=False)
        assert ours.encode(text, special=True) == ids
        assert ours.decode(ids, skip_special=False) == theirs.decode(ids)


# -- decoders --------------------------------------------------------------------------------


def pieces(*, byte_fallback: bool, prefix: bool, unknown: str | None = "<unk>") -> Backend:
    """A vocabulary of `▁`, `a`, `b` and their pairs, with or without bytes."""
    tokens = ["<unk>", "<s>", "</s>"]
    tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    tokens += ["▁", "a", "b", "ab", "▁a", "▁▁"]
    backend = Backend(
        models.BPE(
            {token: i for i, token in enumerate(tokens)},
            [("a", "b"), ("▁", "a"), ("▁", "▁")],
            unk_token=unknown,
            fuse_unk=True,
            byte_fallback=byte_fallback,
        )
    )
    steps = [normalizers.Prepend("▁")] if prefix else []
    backend.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    strip = [decoders.Strip(" ", 1, 0)] if prefix else []
    bytes_too = [decoders.ByteFallback()] if byte_fallback else []
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), *bytes_too, decoders.Fuse(), *strip]
    )
    backend.add_special_tokens(["<unk>", "<s>", "</s>"])
    # Gemma's runs of spaces: added tokens, and not special.
    backend.add_tokens([AddedToken("▁" * n, normalized=False) for n in (3, 4)])
    return backend


KINDS: dict[str, Backend] = {
    "bytes, prefix": pieces(byte_fallback=True, prefix=True),
    "bytes": pieces(byte_fallback=True, prefix=False),
    "no bytes, prefix": pieces(byte_fallback=False, prefix=True),
    "no bytes": pieces(byte_fallback=False, prefix=False),
    "no bytes, nothing unknown": pieces(byte_fallback=False, prefix=False, unknown=None),
}
for scheme in ("always", "first", "never"):
    KINDS[f"metaspace {scheme}"] = pieces(byte_fallback=False, prefix=False)
    KINDS[f"metaspace {scheme}"].normalizer = None
    KINDS[f"metaspace {scheme}"].pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    KINDS[f"metaspace {scheme}"].decoder = decoders.Metaspace(prepend_scheme=scheme)
for cleanup in (True, False):
    KINDS[f"wordpiece {cleanup}"] = Backend(
        models.WordPiece(
            {"[UNK]": 0, "a": 1, "##b": 2, "b": 3, ".": 4, ",": 5, "'": 6, "##'": 7, "ab": 8},
            unk_token="[UNK]",
        )
    )
    KINDS[f"wordpiece {cleanup}"].pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    KINDS[f"wordpiece {cleanup}"].decoder = decoders.WordPiece(cleanup=cleanup)
KINDS["unigram"] = Backend(models.Unigram([("<unk>", 0.0), ("▁", -1.0), ("a", -2.0)], unk_id=0))
KINDS["unigram"].pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
KINDS["unigram"].decoder = decoders.Metaspace(prepend_scheme="never")
KINDS["unigram"].add_special_tokens(["<unk>"])
KINDS["none"] = pieces(byte_fallback=False, prefix=False)
KINDS["none"].decoder = None  # type: ignore[assignment]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Tokenizer, Any]]:
    """Not `AutoTokenizer`: no class of transformers may build the tokenizer anew."""
    root = tmp_path_factory.mktemp("kinds")
    return {name: both(folder_of(root / str(i), b)) for i, (name, b) in enumerate(KINDS.items())}


PARTS = st.sampled_from(
    [".", ",", "'", " ", "  ", "▁", "a", "b", "ab", "   ", "    ", "é", "\n", "<s>", "<0x41>"]
)


def loses_more(kind: str, ours: Tokenizer, ids: list[int]) -> bool:
    """The library's Metaspace drops every space of a first token, an indentation among them; we
    drop the one that encoding put there.  Its WordPiece shows the `##` of a first token."""
    if kind.startswith("wordpiece"):
        return any(ours.token_text(one).startswith("##") for one in ids[:1])
    return kind in ("metaspace always", "metaspace first") and any(
        ours.token_text(one).count("▁") > 1 for one in ids[:1]
    )


@pytest.mark.parametrize("kind", KINDS)
@given(parts=st.lists(PARTS, max_size=9))
@settings(deadline=None, max_examples=60)
def test_ids_and_text_of_every_kind(
    kind: str, kinds: dict[str, tuple[Tokenizer, Any]], parts: list[str]
) -> None:
    ours, theirs = kinds[kind]
    text = "".join(parts)
    ids = theirs.encode(text, add_special_tokens=False)
    assert ours.encode(text, special=True) == ids
    for skip in (True, False):
        whole = theirs.decode(ids, skip_special_tokens=skip)
        left = [one for one in ids if not (skip and one in ours.special_ids)]
        if loses_more(kind, ours, left):
            whole = ours.decode(ids, skip_special=skip)
            assert whole.lstrip() == theirs.decode(ids, skip_special_tokens=skip).lstrip()
        assert ours.decode(ids, skip_special=skip) == whole
        stream = ours.detokenizer(skip_special=skip)
        assert "".join([*(stream.push([one]) for one in ids), stream.finish()]) == whole


@pytest.mark.parametrize("kind", KINDS)
def test_each_token_by_itself(kind: str, kinds: dict[str, tuple[Tokenizer, Any]]) -> None:
    ours, theirs = kinds[kind]
    for one in range(ours.vocab_size):
        if not loses_more(kind, ours, [one]):
            assert ours.decode([one], skip_special=False) == theirs.decode([one]), one


@pytest.mark.parametrize(
    "decoder",
    [
        decoders.CTC(),
        decoders.BPEDecoder(),
        decoders.Sequence([decoders.Replace("▁", "_"), decoders.Fuse()]),
        decoders.Sequence([decoders.Replace("▁", " "), decoders.Strip(" ", 1, 0)]),
        decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()]),
    ],
)
def test_another_decoder_is_told(decoder: Any, tmp_path: Path) -> None:
    backend = pieces(byte_fallback=True, prefix=False)
    backend.decoder = decoder
    with pytest.raises(Unsupported, match="decodes by"):
        Tokenizer.from_folder(folder_of(tmp_path, backend))


def test_merges_are_never_left_to_chance(tmp_path: Path, byte_level: Backend) -> None:
    plain = Tokenizer.from_folder(folder_of(tmp_path / "plain", byte_level))
    byte_level.model.dropout = 0.9  # type: ignore[attr-defined]  # of its model's training
    tokenizer = Tokenizer.from_folder(folder_of(tmp_path / "chance", byte_level))
    text = "the same text, always"
    assert tokenizer.encode(text) == plain.encode(text)


def test_a_vocabulary_in_another_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(b"\n")
    with pytest.raises(NotFound, match=r"has tokenizer\.model but no tokenizer\.json"):
        Tokenizer.from_folder(tmp_path)


# -- templates -------------------------------------------------------------------------------

TURNS = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '<|end|>\n' }}{% endfor %}"
TOOLS = [{"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}]
LISTED = [
    {"name": "default", "template": TURNS},
    {"name": "tool_use", "template": "TOOLS {{ tools | tojson }}<|end|>" + TURNS},
    {"name": "rag", "template": "DOCUMENTS"},
]


def written(folder: Path, tools: Any) -> tuple[str | None, str | None]:
    """The chat as we write it, and as transformers does; None where one refuses."""
    ours, theirs = both(folder)
    try:
        text = ours.render([Message(role="user", content="Hi")], tools=tools).text
    except BadRequest:
        text = None
    try:
        wanted = theirs.apply_chat_template(
            [{"role": "user", "content": "Hi"}],
            tools=tools,
            tokenize=False,
            add_generation_prompt=True,
        )
    except ValueError:
        wanted = None
    return text, wanted


def lay_templates(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


PLACES: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "one": ({"chat_template": TURNS}, {}),
    "a list": ({"chat_template": LISTED}, {}),
    "texts by name": ({"chat_template": {one["name"]: one["template"] for one in LISTED}}, {}),
    "a list without default": ({"chat_template": LISTED[1:]}, {}),
    "a file": ({"chat_template": "old"}, {"chat_template.jinja": TURNS}),
    "files": (
        {"chat_template": "old"},
        {
            "chat_template.jinja": TURNS,
            "additional_chat_templates/tool_use.jinja": "TOOLS<|end|>" + TURNS,
            "additional_chat_templates/rag.jinja": "DOCUMENTS",
        },
    ),
    "more files and no default": (
        {"chat_template": "old"},
        {"additional_chat_templates/tool_use.jinja": TURNS},
    ),
    "none": ({}, {}),
}


@pytest.mark.parametrize("tools", [None, TOOLS], ids=["plain", "tools"])
@pytest.mark.parametrize("place", PLACES)
def test_the_template_that_counts(
    place: str, tools: Any, tmp_path: Path, byte_level: Backend
) -> None:
    config, files = PLACES[place]
    folder = folder_of(tmp_path, byte_level, tokenizer_config=config)
    lay_templates(folder, files)
    text, wanted = written(folder, tools)
    assert text == wanted


def test_a_processors_template_is_the_last_resort(tmp_path: Path, byte_level: Backend) -> None:
    """`AutoTokenizer` leaves it to `AutoProcessor`; the chat is the same."""
    folder = folder_of(tmp_path, byte_level, chat_template={"chat_template": TURNS})
    assert (
        "user: Hi"
        in Tokenizer.from_folder(folder).render([Message(role="user", content="Hi")]).text
    )


def test_several_templates_without_a_default_are_named(tmp_path: Path, byte_level: Backend) -> None:
    config = {"chat_template": LISTED[1:]}
    tokenizer = Tokenizer.from_folder(folder_of(tmp_path, byte_level, tokenizer_config=config))
    with pytest.raises(BadRequest, match="rag, tool_use and no default"):
        tokenizer.render([Message(role="user", content="Hi")])


def test_all_templates_go_along(tmp_path: Path, byte_level: Backend) -> None:
    """Copied as files, and through a GGUF and back."""
    config, files = PLACES["files"]
    source = folder_of(tmp_path / "a", byte_level, tokenizer_config=config)
    lay_templates(source, files)
    wanted = dict(vocabulary_from_folder(source).templates)
    assert wanted.keys() == {"default", "tool_use", "rag"}
    (tmp_path / "copy").mkdir()
    copy_tokenizer(source, tmp_path / "copy")
    assert vocabulary_from_folder(tmp_path / "copy").templates == wanted
    metadata = gguf_metadata(vocabulary_from_folder(source), 900)
    assert metadata["tokenizer.chat_templates"] == ["rag", "tool_use"]
    assert vocabulary_from_gguf(metadata).templates == wanted
    (tmp_path / "back").mkdir()
    write_gguf_tokenizer(metadata, tmp_path / "back")
    assert vocabulary_from_folder(tmp_path / "back").templates == wanted


@pytest.mark.parametrize(
    ("files", "ends"),
    [
        ({"generation_config": {"eos_token_id": [5, 7]}, "config": {"eos_token_id": 9}}, {5, 7}),
        ({"generation_config": {"do_sample": True}, "config": {"eos_token_id": 9}}, {9}),
        ({"config": {"text_config": {"eos_token_id": [9, 11]}}}, {9, 11}),
        ({"generation_config": {"eos_token_id": [5, True, 10**9, -1]}}, {5}),
    ],
)
def test_what_ends_an_answer(
    files: dict[str, object], ends: set[int], tmp_path: Path, byte_level: Backend
) -> None:
    tokenizer = Tokenizer.from_folder(folder_of(tmp_path, byte_level, **files))
    assert tokenizer.eos_ids == ends | {800}  # `<|end|>` ends by its name
