"""A vocabulary to the files of a Hugging Face folder, so that `transformers` gives the same ids.

What came as a folder is copied as it is; what came as a GGUF's metadata is written anew.  It
refuses nothing that `folder.py` or `gguf.py` read, and knows nothing of weights.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tokenizers import AddedToken as BackendToken
from tokenizers import decoders, processors

from fireside.errors import NotFound
from fireside.tokenizer import folder_templates
from fireside.tokenizer.gguf import vocabulary_from_gguf
from fireside.tokenizer.templates import write_json
from fireside.tokenizer.vocabulary import DEFAULT_TEMPLATE, Vocabulary

# Whatever of these a folder has belongs to its tokenizer.
FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    folder_templates.FILE,
    folder_templates.PROCESSOR_FILE,
)


def copy_tokenizer(source: Path, folder: Path) -> None:
    """The tokenizer of one folder into another.

    Raises:
        NotFound: there is none.
    """
    if not (source / "tokenizer.json").is_file():
        raise NotFound(f"{source} has no tokenizer.json: give a folder with one.")
    for name in FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    if (source / folder_templates.FOLDER).is_dir():
        shutil.copytree(source / folder_templates.FOLDER, folder / folder_templates.FOLDER)


def write_gguf_tokenizer(metadata: Mapping[str, object], folder: Path) -> None:
    """The tokenizer of a GGUF's metadata as tokenizer.json and tokenizer_config.json.

    Raises:
        Corrupt, Unsupported: as when reading it.
    """
    vocabulary = vocabulary_from_gguf(metadata)
    backend = vocabulary.backend
    backend.add_special_tokens(
        [
            BackendToken(token.content, normalized=False, special=True)
            for token in vocabulary.added
            if token.special
        ]
    )
    backend.decoder = _decoder(vocabulary)
    if vocabulary.prefix_ids:
        bos = vocabulary.named["bos_token"]
        backend.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, vocabulary.bos_id)]
        )
    backend.save(str(folder / "tokenizer.json"))
    named = {name: vocabulary.named[name] for name in sorted(vocabulary.named)}
    write_json(folder / "special_tokens_map.json", named)
    fields: dict[str, object] = {
        # Whatever the model's own class is: tokenizer.json says it all.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": bool(vocabulary.prefix_ids),
        "clean_up_tokenization_spaces": False,
        **named,
    }
    if vocabulary.templates.keys() == {DEFAULT_TEMPLATE}:
        fields["chat_template"] = vocabulary.chat_template
    elif vocabulary.templates:
        fields["chat_template"] = [
            {"name": name, "template": source} for name, source in vocabulary.templates.items()
        ]
    write_json(folder / "tokenizer_config.json", fields)
    if vocabulary.spelling == "bytes":
        backend.model.save(str(folder))  # vocab.json and merges.txt, which GPT2Tokenizer reads


def _decoder(vocabulary: Vocabulary) -> decoders.Decoder:
    if vocabulary.spelling == "bytes":
        return decoders.ByteLevel()
    steps: list[decoders.Decoder] = [
        decoders.Replace("▁", " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
    ]
    if vocabulary.leading_space:
        steps.append(decoders.Strip(" ", 1, 0))
    return decoders.Sequence(steps)
