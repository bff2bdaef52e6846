"""What a client may send to `/v1/vector_stores` and below: shapes, and their meaning to the room
that keeps the documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from fireside.errors import BadRequest
from fireside.knowledge.chunks import AUTO, Strategy
from fireside.knowledge.collection_rows import Attached
from fireside.knowledge.filters import Comparison, Compound, Filter
from fireside.knowledge.passage import Ranking
from fireside.server.body import Wire, validate
from fireside.server.parameters import Obligation, Table
from fireside.server.wire import Integer, Key, Label, Metadata

Id = Annotated[str, Field(min_length=1, max_length=256)]
Number = Annotated[int, Field(ge=-(2**63), lt=2**63)] | Annotated[float, Field(gt=-1e18, lt=1e18)]
Value = Label | bool | Number
Attributes = Annotated[dict[Key, Value], Field(max_length=16)]
MOST_FILES = 2000


class Static(Wire):
    max_chunk_size_tokens: Integer = Field(ge=100, le=4096)
    chunk_overlap_tokens: Integer = Field(ge=0, le=2048)

    @model_validator(mode="after")
    def _half_at_most(self) -> Static:
        if 2 * self.chunk_overlap_tokens > self.max_chunk_size_tokens:
            raise BadRequest(
                "chunk_overlap_tokens must not exceed half of max_chunk_size_tokens.",
                param="chunking_strategy.static.chunk_overlap_tokens",
            )
        return self


class AutoChunking(Wire):
    type: Literal["auto"]


class StaticChunking(Wire):
    type: Literal["static"]
    static: Static


Chunking = Annotated[AutoChunking | StaticChunking, Field(discriminator="type")]


def strategy_of(chunking: AutoChunking | StaticChunking | None) -> Strategy:
    if isinstance(chunking, StaticChunking):
        return Strategy(**chunking.static.model_dump())
    return AUTO


class ExpiresAfter(Wire):
    anchor: Literal["last_active_at"]
    days: Integer = Field(ge=1, le=365)


class CreateStore(Wire):
    name: str = Field("", max_length=1024)
    description: str | None = Field(None, max_length=4096)
    file_ids: list[Id] = Field(default_factory=list, max_length=500)
    chunking_strategy: Chunking | None = None
    expires_after: ExpiresAfter | None = None
    metadata: Metadata | None = None

    @property
    def files(self) -> list[Attached]:
        strategy = strategy_of(self.chunking_strategy)
        return [Attached(file_id=each, strategy=strategy) for each in self.file_ids]


class UpdateStore(Wire):
    """null takes a name, the expiry or the metadata away."""

    nulls: ClassVar[frozenset[str]] = frozenset({"name", "expires_after", "metadata"})

    name: str | None = Field(None, max_length=1024)
    expires_after: ExpiresAfter | None = None
    metadata: Metadata | None = None

    @property
    def given(self) -> dict[str, Any]:
        """As `Collections.change` takes it."""
        days = None if self.expires_after is None else self.expires_after.days
        every = {"name": self.name or "", "metadata": self.metadata, "expires_after": days}
        rename = {"expires_after": "days"}
        return {rename.get(key, key): every[key] for key in sorted(self.model_fields_set)}


class AttachFile(Wire):
    file_id: Id
    attributes: Attributes | None = None
    chunking_strategy: Chunking | None = None

    @property
    def attached(self) -> Attached:
        strategy = strategy_of(self.chunking_strategy)
        return Attached(file_id=self.file_id, attributes=self.attributes, strategy=strategy)


class UpdateFile(Wire):
    nulls: ClassVar[frozenset[str]] = frozenset({"attributes"})

    attributes: Attributes | None


class CreateBatch(Wire):
    file_ids: list[Id] | None = Field(None, min_length=1, max_length=MOST_FILES)
    files: list[AttachFile] | None = Field(None, min_length=1, max_length=MOST_FILES)
    attributes: Attributes | None = None
    chunking_strategy: Chunking | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> CreateBatch:
        if (self.file_ids is None) == (self.files is None):
            raise BadRequest("Send either file_ids or files.", param="file_ids")
        for name in ("attributes", "chunking_strategy"):
            if self.files is not None and getattr(self, name) is not None:
                raise BadRequest(f"{name} goes with each of files, or with file_ids.", param=name)
        return self

    @property
    def attached(self) -> list[Attached]:
        if self.files is not None:
            return [each.attached for each in self.files]
        strategy = strategy_of(self.chunking_strategy)
        return [
            Attached(file_id=each, attributes=self.attributes, strategy=strategy)
            for each in self.file_ids or ()
        ]


class ComparisonWire(Wire):
    type: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
    key: Key
    value: Value | Annotated[list[Value], Field(max_length=1000)]

    @model_validator(mode="after")
    def _value_fits(self) -> ComparisonWire:
        many = isinstance(self.value, list)
        if many != (self.type in ("in", "nin")):
            wanted = "a list" if self.type in ("in", "nin") else "one value"
            raise BadRequest(f"A filter of type {self.type!r} takes {wanted}.", param="filters")
        if isinstance(self.value, bool) and self.type not in ("eq", "ne"):
            raise BadRequest(
                f"A filter of type {self.type!r} takes a number or a string.", param="filters"
            )
        return self

    @property
    def filter(self) -> Filter:
        return Comparison(type=self.type, key=self.key, value=self.value)


class CompoundWire(Wire):
    type: Literal["and", "or"]
    filters: Annotated[list[Filters], Field(min_length=1, max_length=100)]

    @property
    def filter(self) -> Filter:
        return Compound(type=self.type, filters=[each.filter for each in self.filters])


Filters = Annotated[ComparisonWire | CompoundWire, Field(discriminator="type")]
CompoundWire.model_rebuild()


class HybridSearch(Wire):
    embedding_weight: float = Field(ge=0, le=1e6)
    text_weight: float = Field(ge=0, le=1e6)


class RankingWire(Wire):
    ranker: Literal["none", "auto", "default-2024-11-15"] = "auto"
    score_threshold: float = Field(0.0, ge=0, le=1)
    hybrid_search: HybridSearch | None = None

    @property
    def ranking(self) -> Ranking:
        weights = {} if self.hybrid_search is None else self.hybrid_search.model_dump()
        return Ranking(
            ranker="none" if self.ranker == "none" else "auto",
            score_threshold=self.score_threshold,
            **weights,
        )


Query = Annotated[str, Field(min_length=1)]


class SearchStore(Wire):
    query: Query | Annotated[list[Query], Field(min_length=1, max_length=32)]
    max_num_results: Integer = Field(10, ge=1, le=50)
    filters: Filters | None = None
    ranking_options: RankingWire = RankingWire()

    table: ClassVar[Table] = Table(
        {"rewrite_query": Obligation(why="a query is searched as it is", passes=(False,))}
    )

    @property
    def queries(self) -> Sequence[str]:
        return [self.query] if isinstance(self.query, str) else self.query


class _Filters(Wire):
    filters: Filters | None = None


def filter_of(raw: Mapping[str, Any] | None) -> Filter | None:
    """A filter of another endpoint, checked.  Raises BadRequest."""
    found = validate({"filters": raw}, _Filters).filters
    return None if found is None else found.filter


def ranking_of(raw: Mapping[str, Any] | None) -> Ranking:
    """Raises BadRequest."""
    return validate(raw or {}, RankingWire).ranking
