"""`/openapi.json`: what is served, as it is served.

Handlers check their bodies themselves (`body.py`), so FastAPI cannot know them: each says so by
`documented`, with the class that it checks by and the type that it answers with.  Built when it is
first asked for, in a thread: OpenAI's types take a second to import.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema
from starlette.responses import JSONResponse, Response

from fireside.server.body import Wire
from fireside.server.openapi_parameters import describe

F = TypeVar("F", bound=Callable[..., Any])
Schema = dict[str, Any]
Shape = str | type[BaseModel] | Mapping[str, Any]
"""A pydantic class, the name of one (`Batch` of openai.types, `chat:ChatCompletion` of
openai.types.chat, `fireside.x:Y`), or a JSON schema."""

TEMPLATE: Final = "#/components/schemas/{model}"
METADATA_QUERY: Final[Mapping[str, Schema]] = {
    "metadata": {"type": "object", "additionalProperties": {"type": "string"}}
}
ERROR: Final[Schema] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


@dataclass(frozen=True, slots=True)
class Described:
    """Of a member that its handler checks by itself: what it takes, for the schema alone.

    `tools: list[Annotated[dict[str, Any], Described(lambda: FunctionTool | FileSearchTool)]]`
    """

    shape: Callable[[], Any]

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Schema:
        return handler(TypeAdapter(self.shape()).core_schema)


@dataclass(frozen=True, slots=True)
class Listed:
    """OpenAI's list of `item`s.  paged: with `first_id`, `last_id` and `has_more`."""

    item: Shape
    paged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Documentation:
    """Of one operation; see `documented`."""

    request: type[Wire] | None
    response: Shape | Listed | None
    events: Shape | None
    file: str | None
    binary: str | None
    status: int
    query: Mapping[str, Schema]
    refused: bool


def documented(
    *,
    request: type[Wire] | None = None,
    response: Shape | Listed | None = None,
    events: Shape | None = None,
    file: str | None = None,
    binary: str | None = None,
    status: int = 200,
    query: Mapping[str, Schema] | None = None,
    refused: bool = False,
) -> Callable[[F], F]:
    """What a handler reads and answers, for `/openapi.json`; put it right under the route.

    Args:
        request: the class that it hands to `read`.
        response: what it answers with; a name is looked up when the schema is built.
        events: of its stream, if it can stream.
        file: the form field that holds a file; the request is then a form.
        binary: the media type of the bytes that it answers with.
        query: parameters that the handler reads from the URL by itself.
        refused: it is there to say why it is not: no answer of it is one of OpenAI's.
    """

    def note(endpoint: F) -> F:
        endpoint.documentation = Documentation(  # type: ignore[attr-defined]
            request=request, response=response, events=events, file=file, binary=binary,
            status=status, query=query or {}, refused=refused,
        )  # fmt: skip
        return endpoint

    return note


def install(app: FastAPI) -> None:
    """Serve the schema at `/openapi.json`; `app` was made with `openapi_url=None`."""

    def built() -> Schema:
        if app.openapi_schema is None:
            app.openapi_schema = schema_of(app)
        return app.openapi_schema

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return JSONResponse(await asyncio.to_thread(built))


def schema_of(app: FastAPI) -> Schema:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        routes=app.routes,
        description="OpenAI's API on your own machine. docs/api.md says what is refused, and why.",
    )
    found: list[tuple[Schema, Documentation | None]] = []
    for route in iter_route_contexts(app.routes):
        path = schema["paths"].get(route.path_format, {})
        said = getattr(getattr(route, "endpoint", None), "documentation", None)
        found += [(path[m.lower()], said) for m in route.methods or () if m.lower() in path]
    models = _Models([said for _, said in found if said is not None])
    for operation, said in found:
        _describe(operation, said, models)
    known = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        known.pop(name, None)
    known.update(models.definitions)
    known["Error"] = ERROR
    return schema


def _describe(operation: Schema, said: Documentation | None, models: _Models) -> None:
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)  # ours is a 400
    responses["default"] = {
        "description": "An error, in OpenAI's envelope.",
        "content": {"application/json": {"schema": {"$ref": TEMPLATE.format(model="Error")}}},
    }
    if said is None:
        return
    operation.setdefault("parameters", []).extend(
        {"in": "query", "name": name, "required": False, "schema": schema}
        for name, schema in said.query.items()
    )
    if said.refused:
        operation["x-refused"] = True
        responses.pop("200", None)
        return
    if said.request is not None or said.file is not None:
        operation["requestBody"] = _body(said, models)
    content: Schema = {}
    if said.response is not None:
        content["application/json"] = {"schema": models.of(said.response)}
    if said.events is not None:
        content["text/event-stream"] = {"schema": models.of(said.events)}
    if said.binary:
        content[said.binary] = {"schema": {"type": "string", "format": "binary"}}
    responses.pop("200", None)
    responses[str(said.status)] = {"description": "What was asked for.", "content": content}


def _body(said: Documentation, models: _Models) -> Schema:
    schema = models.of(said.request) if said.request is not None else {"type": "object"}
    if said.file is None:
        return {"required": True, "content": {"application/json": {"schema": schema}}}
    form = dict(models.definitions.get(schema.get("$ref", "").rpartition("/")[2], schema))
    form["properties"] = form.get("properties", {}) | {
        said.file: {"type": "string", "format": "binary"}
    }
    form["required"] = [said.file, *form.get("required", [])]
    return {"required": True, "content": {"multipart/form-data": {"schema": form}}}


class _Models:
    """Shapes to schemas that refer to `definitions`; names that clash are told apart."""

    def __init__(self, said: Sequence[Documentation]) -> None:
        requests = {each.request for each in said if each.request is not None}
        shapes = {
            shape
            for each in said
            for shape in (each.events, _item(each.response))
            if isinstance(shape, str | type)
        }
        inputs: list[Any] = [(each, "validation", TypeAdapter(each)) for each in requests]
        inputs += [(each, "serialization", TypeAdapter(named(each))) for each in shapes]
        inputs.sort(key=lambda each: str(each[0]))
        schemas, top = TypeAdapter.json_schemas(
            inputs, ref_template=TEMPLATE, schema_generator=_Tolerant
        )
        self._schemas = {key: dict(schema) for (key, _), schema in schemas.items()}
        self.definitions: dict[str, Schema] = dict(top.get("$defs", {}))
        for each in requests:
            self._as_checked(each)

    def of(self, shape: Shape | Listed) -> Schema:
        if isinstance(shape, Listed):
            return _list_of(self.of(shape.item), shape.paged)
        return dict(shape) if isinstance(shape, Mapping) else self._schemas[shape]

    def _as_checked(self, wire: type[Wire]) -> None:
        """What `validate` does besides pydantic: null asks for nothing; tables are applied."""
        name = self._schemas[wire]["$ref"].rpartition("/")[2]
        schema = self.definitions[name] = dict(self.definitions[name])
        required = schema.get("required", ())
        properties = {
            key: value if key in required else _or_null(value)
            for key, value in schema.get("properties", {}).items()
        }
        schema["properties"] = properties
        describe(wire.table, schema, self.definitions)


def named(shape: str | type) -> Any:
    if not isinstance(shape, str):
        return shape
    module, _, name = shape.rpartition(":")
    if not module.startswith(("fireside.", "openai.")):
        module = f"openai.types.{module}".rstrip(".")
    return getattr(importlib.import_module(module), name)


def _item(shape: Shape | Listed | None) -> Shape | None:
    return shape.item if isinstance(shape, Listed) else shape


def _or_null(schema: Schema) -> Schema:
    if {"type": "null"} in schema.get("anyOf", ()) or schema == {}:
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def _list_of(item: Schema, paged: bool) -> Schema:
    properties: Schema = {
        "object": {"type": "string", "enum": ["list"]},
        "data": {"type": "array", "items": item},
    }
    if paged:
        name: Schema = {"type": ["string", "null"]}
        properties |= {"first_id": name, "last_id": name, "has_more": {"type": "boolean"}}
    return {"type": "object", "required": list(properties), "properties": properties}


class _Tolerant(GenerateJsonSchema):
    """A default that JSON cannot hold is left out, without a warning; so is a type."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:
        return {}
