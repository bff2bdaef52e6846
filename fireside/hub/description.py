"""What a model on this machine is, read from its own headers: the content of `models show`.

Refuses to load weights, and to guess: what a file does not say is None or "unknown".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from fireside.errors import Corrupt, Unavailable
from fireside.hub.gguf import open_gguf
from fireside.hub.local import MANIFEST, LocalModel, read_manifest
from fireside.hub.safetensors import LARGEST_JSON, open_safetensors


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """`types` counts the weights of each tensor type; `template` is the chat template's source;
    `adapters` are the folders of what is added to the weights."""

    name: str
    title: str
    path: Path
    format: str
    source: str
    revision: str
    licence: str
    architecture: str
    parameters: int
    quantisation: str
    types: Mapping[str, int]
    context: int | None
    size_bytes: int
    template: str | None = field(repr=False)
    sampling: Mapping[str, float]
    adapters: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Headers:
    """What a model's own files say, in either format."""

    title: str | None
    architecture: str
    types: Counter[str]
    context: int | None
    template: str | None
    licence: str | None


def describe(local: LocalModel) -> Description:
    """Everything that the headers and the manifest say.

    Raises:
        Corrupt: a header that makes no sense.
    """
    headers = _of_gguf(local.path) if local.format == "gguf" else _of_folder(local.path)
    folder = local.path if local.path.is_dir() else local.path.parent
    manifest = read_manifest(folder) if (folder / MANIFEST).is_file() else None
    licence = manifest.licence if manifest else headers.licence
    template = headers.template
    if local.tokenizer is not None:
        template = _template(local.tokenizer)
    return Description(
        name=local.name,
        title=(None if local.adapter else headers.title) or local.own.stem,
        path=local.path,
        format=local.format,
        source=manifest.source if manifest else str(local.path),
        revision=manifest.revision if manifest else "",
        licence=licence or "unknown",
        architecture=headers.architecture,
        parameters=headers.types.total(),
        quantisation=_dominant(headers.types),
        types=dict(headers.types.most_common()),
        context=headers.context,
        size_bytes=local.size_bytes,
        template=template,
        adapters=local.adapters,
        sampling=dict(local.entry.sampling) if local.entry else {},
    )


def _dominant(types: Counter[str]) -> str:
    return types.most_common(1)[0][0] if types else "none"


def _of_gguf(path: Path) -> _Headers:
    file = open_gguf(path)
    types: Counter[str] = Counter()
    for tensor in file.tensors.values():
        types[tensor.type] += tensor.size
    architecture = _text(file.metadata.get("general.architecture")) or "unknown"
    return _Headers(
        title=_text(file.metadata.get("general.name")),
        architecture=architecture,
        types=types,
        context=_count(file.metadata.get(f"{architecture}.context_length")),
        template=_text(file.metadata.get("tokenizer.chat_template")),
        licence=_text(file.metadata.get("general.license")),
    )


def _of_folder(folder: Path) -> _Headers:
    config = _json(folder / "config.json")
    inner = config.get("text_config")
    text = inner if isinstance(inner, dict) else config
    types: Counter[str] = Counter()
    for tensor in open_safetensors(folder).tensors.values():
        types[tensor.dtype] += prod(tensor.shape)
    return _Headers(
        title=folder.name,
        architecture=_text(config.get("model_type")) or "unknown",
        types=types,
        context=_count(text.get("max_position_embeddings") or text.get("n_positions")),
        template=_template(folder),
        licence=None,
    )


def _template(folder: Path) -> str | None:
    if (folder / "chat_template.jinja").is_file():
        return _read(folder / "chat_template.jinja")
    if not (folder / "tokenizer_config.json").is_file():
        return None
    template = _json(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(template, list):  # several, each with a name
        named = {
            item.get("name"): item.get("template") for item in template if isinstance(item, dict)
        }
        template = named.get("default")
    return _text(template)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise Corrupt(f"{path} is too large to be what its name says: pull the model again.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Corrupt(f"{path} is not UTF-8: pull the model again.") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(_read(path))
    except (ValueError, RecursionError):
        raise Corrupt(f"{path} is no JSON: pull the model again.") from None
    if not isinstance(fields, dict):
        raise Corrupt(f"{path} is no JSON object: pull the model again.")
    return fields


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
