"""A passage that was found, with its place and its scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fireside.knowledge.filters import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """score: from 0 to 1.  scores: what it was made of, `embedding` (cosine) and `text`."""

    file_id: str
    filename: str
    store_id: str
    text: str
    score: float
    page: int | None = None
    section: tuple[str, ...] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """ranker: `auto` is both kinds of search, `none` the vectors alone.
    weights: how much each counts; they need not add up to 1."""

    ranker: Literal["auto", "none"] = "auto"
    score_threshold: float = 0.0
    embedding_weight: float = 0.6
    text_weight: float = 0.4
