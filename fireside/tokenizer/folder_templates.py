"""Where a Hugging Face folder keeps its chat templates, and which of them counts.

In the order of transformers: `chat_template.jinja` with `additional_chat_templates/NAME.jinja`,
else `chat_template` of `tokenizer_config.json` (one text, or a list of names and texts), else
`chat_template.json`, which processors of pictures and text write.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fireside.errors import Corrupt
from fireside.tokenizer.declared import read_small_file
from fireside.tokenizer.vocabulary import DEFAULT_TEMPLATE as DEFAULT

FILE = "chat_template.jinja"
FOLDER = "additional_chat_templates"
PROCESSOR_FILE = "chat_template.json"


def templates_of(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """Every chat template of a folder by its name; the one without a name is `default`.

    Raises:
        Corrupt: a file is not UTF-8, or no JSON.
    """
    files = {DEFAULT: folder / FILE} if (folder / FILE).is_file() else {}
    files |= {path.stem: path for path in sorted((folder / FOLDER).glob("*.jinja"))}
    if files:
        return {name: _text(path) for name, path in files.items()}
    named = named_templates(config.get("chat_template"))
    return named or named_templates(read_small_file(folder / PROCESSOR_FILE).get("chat_template"))


def named_templates(value: object) -> dict[str, str]:
    """`chat_template` of a JSON file: a text, texts by name, or a list of {"name", "template"}."""
    if isinstance(value, str):
        return {DEFAULT: value}
    if isinstance(value, Mapping):
        return {str(name): text for name, text in value.items() if isinstance(text, str)}
    listed = value if isinstance(value, list) else []
    return {
        str(one["name"]): one["template"]
        for one in listed
        if isinstance(one, Mapping) and "name" in one and isinstance(one.get("template"), str)
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Corrupt(f"{path} is not UTF-8: download it again.") from None
