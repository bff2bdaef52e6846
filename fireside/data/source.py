"""One source of a training set, as a person names it.

    plays.txt, notes/            a file, or a folder with everything in it
    hf:ORG/NAME                  a data set of the Hugging Face Hub, streamed
    hf:ORG/NAME:CONFIG@SPLIT     one configuration and split of it

Refuses to look whether any of it exists: `readers.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fireside.errors import BadRequest

Format = Literal["auto", "text", "openai", "alpaca", "sharegpt", "columns"]

# The Hub's own rule for repositories; old data sets have no ORG.
_HUB = re.compile(
    r"(?P<name>(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95})"
    r"(?::(?P<config>[^:@]+))?(?:@(?P<split>[\w\[\]:%+.-]+))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubDataset:
    """A data set of the Hub: `ORG/NAME`, its configuration and its split."""

    name: str
    config: str | None
    split: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where examples come from, and how to read them.

    path: a file, a folder, or hf:ORG/NAME[:CONFIG][@SPLIT].
    weight: the share of rows that come from here, relative to the other sources' weights.  None
        for all sources: everything once per epoch.
    format: what the records look like; "auto" tells by their columns.
    prompt, completion: templates with {column} in them, for records with columns of any name.
        For text both are one document after one another.
    labels: the word to learn for a value of a column in `completion`, e.g. {"0": "negative"}.
    columns: the names of the columns of a CSV or TSV without a header.  ({1}, {2} in a template
        say as much.)
    separator: what stands between documents in a text file; a file without it is one document.
        By default the field's own, alone on its line: a text may speak of it in passing.
    """

    path: str
    weight: float | None = None
    format: Format = "auto"
    prompt: str | None = None
    completion: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    separator: str = "\n<|endoftext|>\n"

    def __post_init__(self) -> None:
        if self.weight is not None and not 0 < self.weight < float("inf"):
            raise BadRequest(f"{self.path}: a weight is greater than 0; it is {self.weight}.")
        if self.completion is not None and self.prompt is None:
            raise BadRequest(f"{self.path}: a completion template needs a prompt template too.")
        if self.format == "columns" and self.prompt is None:
            raise BadRequest(
                f"{self.path}: say what to make of the columns with a prompt template."
            )
        if not self.separator:
            raise BadRequest(f"{self.path}: the separator of documents is empty.")

    @property
    def hub(self) -> HubDataset | None:
        """The data set that the path names; None for files and folders.

        Raises:
            BadRequest: `hf:` with a malformed name.
        """
        if not self.path.startswith("hf:"):
            return None
        found = _HUB.fullmatch(self.path.removeprefix("hf:"))
        if found is None:
            raise BadRequest(
                f"{self.path[:120]!r} names no data set: write hf:ORG/NAME, hf:ORG/NAME:CONFIG or "
                "hf:ORG/NAME:CONFIG@SPLIT."
            )
        return HubDataset(
            name=found["name"], config=found["config"], split=found["split"] or "train"
        )

    @property
    def local(self) -> Path:
        return Path(self.path).expanduser()


def shares(sources: Sequence[Source]) -> list[float] | None:
    """Each source's share of the rows; None where each token counts once.

    Raises:
        BadRequest: no sources, or only some of them have a weight.
    """
    if not sources:
        raise BadRequest("There is no data: name a file, a folder or hf:ORG/NAME.")
    weights = [source.weight for source in sources if source.weight is not None]
    if not weights:
        return None
    if len(weights) < len(sources):
        missing = next(source.path for source in sources if source.weight is None)
        raise BadRequest(f"{missing} has no weight: give every source one, or none.")
    return [weight / sum(weights) for weight in weights]
