"""The two chat templates that our own models are given, and how a folder gets one.

A model that is only pretrained knows no roles: it continues text, so its template writes the
messages one after another and nothing else.  After tuning on chats it speaks ChatML.  This file
refuses to touch the ids: both templates use the control tokens that `training.py` reserves.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Literal

from fireside.errors import BadRequest, NotFound
from fireside.tokenizer.folder_templates import FILE, FOLDER

TemplateName = Literal["continuing", "chatml"]

END_OF_TEXT, TURN, END_OF_TURN, PADDING = "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"

# What a person says is followed at once by what the model says: that is continuing.  Whatever comes
# after the model's words begins a new line.
CONTINUING = (
    "{%- for message in messages -%}"
    "{%- if not loop.first and message['role'] != 'assistant' -%}{{ '\\n' }}{%- endif -%}"
    "{{ message['content'] }}"
    "{%- endfor -%}"
)
# `generation` marks what is learned, for our renderer and for `transformers` alike.
CHATML = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- generation -%}{{ message['content'] + '<|im_end|>' }}{%- endgeneration -%}"
    "{{ '\\n' }}"
    "{%- else -%}"
    "{{ message['content'] + '<|im_end|>' + '\\n' }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
)
BEGINNING = "{{- bos_token -}}"
SOURCES: dict[TemplateName, str] = {"continuing": CONTINUING, "chatml": CHATML}
_ENDS: dict[TemplateName, str] = {"continuing": END_OF_TEXT, "chatml": END_OF_TURN}


def template_fields(name: TemplateName) -> dict[str, str]:
    """What `tokenizer_config.json` says of a template: its source, and the token that ends."""
    return {"chat_template": SOURCES[name], "eos_token": _ENDS[name]}


def continues(template: str | None) -> bool:
    """Whether a model with this template only continues text (it was never tuned on chats)."""
    return template is not None and template.removeprefix(BEGINNING) == CONTINUING


def set_template(folder: Path, name: TemplateName) -> None:
    """Give the tokenizer of a folder another chat template, and the end of turn that goes with it.

    Raises:
        NotFound: no tokenizer there.
        BadRequest: its vocabulary lacks the control tokens that the template writes.
    """
    lacking = {END_OF_TEXT, TURN, END_OF_TURN} - _known(folder / "tokenizer.json")
    if lacking:
        raise BadRequest(
            f"The tokenizer in {folder} has no {', '.join(sorted(lacking))}, which the template "
            f"{name} writes: train one with `fireside tokenizer train`."
        )
    for file, fields in (
        ("tokenizer_config.json", template_fields(name)),
        ("special_tokens_map.json", {"eos_token": _ENDS[name]}),
    ):
        path = folder / file
        there = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        write_json(path, there | fields)
    (folder / FILE).unlink(missing_ok=True)  # it would count for more, as the others beside it
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _known(path: Path) -> set[str]:
    """The tokens of a tokenizer.json."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"{path} is missing: train a tokenizer first.") from None
    vocabulary = state["model"]["vocab"]
    return {token["content"] for token in state["added_tokens"]} | (
        set(vocabulary) if isinstance(vocabulary, dict) else set()
    )


def write_json(path: Path, fields: object) -> None:
    """The same fields give the same bytes.  Written beside and renamed."""
    beside = path.with_name(f".{path.name}.part")
    text = json.dumps(fields, indent=2, ensure_ascii=False) + "\n"
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
