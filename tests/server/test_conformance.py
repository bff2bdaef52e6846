"""The comparison with OpenAI's specification: what it counts, and that docs/api.md is fresh."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.conformance import page
from scripts.conformance.__main__ import compare, main
from scripts.conformance.comparison import Finding, Operation, compared
from scripts.conformance.report import printed, rows
from scripts.conformance.shapes import Document

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def document(
    prefix: str, properties: object, required: Sequence[str] = (), **more: object
) -> Document:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    body = {"content": {"application/json": {"schema": schema}}}
    operation = {"requestBody": body, "responses": {"200": body}} | more
    return Document({"paths": {f"{prefix}/things": {"post": operation}}})


def faults(
    theirs: object, ours: object, need: Sequence[str] = (), needed: Sequence[str] = ()
) -> dict[tuple[str, str], str | None]:
    (operation,) = compared(
        document("", theirs, need),
        document("/v1", ours, needed),
    )
    assert operation.findings is not None
    return {(each.side, each.name): each.fault for each in operation.findings}


STRING, INTEGER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("theirs", "ours", "request_fault", "response_fault"),
    [
        (STRING, STRING, None, None),
        (STRING, INTEGER, "type string", "type integer"),
        (INTEGER, {"type": "number"}, None, "type number"),
        ({"type": "number"}, INTEGER, "type number", None),
        (STRING, {"enum": ["a"]}, "without any other", None),
        ({"enum": ["a"]}, STRING, None, "other values"),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, "without b", None),
        ({"const": "a"}, {"enum": ["a", "c"]}, None, "other values"),
        ({"anyOf": [STRING, INTEGER]}, STRING, "type integer", None),
        ({"oneOf": [STRING, {"type": "null"}]}, STRING, None, None),
        (STRING, {"enum": [None], "x-refused": True}, "refused", "refused"),
        ({"allOf": [STRING, {"description": "x"}]}, STRING, None, None),
    ],
)
def test_one_property(
    theirs: object, ours: object, request_fault: str | None, response_fault: str | None
) -> None:
    found = faults({"a": theirs}, {"a": ours})
    assert found == {("request", "a"): request_fault, ("response", "a"): response_fault}


def test_a_schema_conforms_to_itself() -> None:
    deep = {
        "a": {"anyOf": [{"type": "array", "items": {"type": "object", "properties": {"b": STRING},
                                                     "required": ["b"]}}, STRING]},
        "map": {"type": "object", "additionalProperties": INTEGER},
        "c": {"allOf": [{"type": "object", "properties": {"d": STRING}},
                        {"type": "object", "properties": {"e": {"enum": ["x"]}}}]},
    }  # fmt: skip
    found = faults(deep, deep, ["a"], ["a"])
    names = {"a", "a[]", "a[].b", "map", "map.*", "c", "c.d", "c.e"}
    assert found == {(side, name): None for side in ("request", "response") for name in names}


def test_what_is_required() -> None:
    assert faults({"a": STRING}, {"a": STRING}, needed=["a"])[("request", "a")] == "required here"
    found = faults({"a": STRING}, {"a": STRING}, need=["a"])
    assert found == {("request", "a"): None, ("response", "a"): "not always there"}


def test_a_schema_that_holds_itself_ends() -> None:
    node: dict[str, object] = {"type": "object"}
    node["properties"] = {"child": {"$ref": "#/components/schemas/Node"}, "name": STRING}
    raw = {"paths": {}, "components": {"schemas": {"Node": node}}}
    table = Document(raw).table({"$ref": "#/components/schemas/Node"})
    assert {"child", "name"} <= set(table)
    assert len(table) < 10


def test_paths_meet_whatever_their_parameters_are_called() -> None:
    ok = {"responses": {"200": {"description": ""}}}
    theirs = Document(
        {"paths": {"/a/{x_id}": {"get": ok}, "/a?beta=true": {"get": ok}, "/b": {"get": ok}}}
    )
    ours = Document({"paths": {"/v1/a/{y}": {"get": ok}, "/b": {"get": ok}}})
    found = compared(theirs, ours)
    assert [(each.path, each.findings) for each in found] == [("/a/{x_id}", ()), ("/b", None)]
    assert rows(found)[-1].endpoints.good == 1
    assert "1/2" in printed(found)


def test_the_tables_are_put_between_the_marks() -> None:
    finding = Finding(side="request", name="audio", fault="refused", refused=True)
    operations = [
        Operation(method="post", path="/chat/completions", group="chat/completions",
                  deprecated=False, findings=(finding,)),
        Operation(method="get", path="/videos", group="videos", deprecated=False, findings=None),
    ]  # fmt: skip
    once = page.written("# Prose\n\nStays.\n", operations)
    assert once.startswith("# Prose\n\nStays.\n\n")
    assert "| `POST /v1/chat/completions` | yes | `audio`: text only |" in once
    assert "`GET /v1/videos`" in once
    assert page.written(once + "\nMore prose.\n", operations) == once + "More prose.\n"
    assert page.unexplained(operations) == []


def test_no_specification(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.yaml")]) == 1
    assert "give the path" in capsys.readouterr().out


@pytest.fixture(scope="module")
def operations(shared_data: Path) -> list[Operation]:
    path = shared_data / "openai_openapi.yaml"
    if not path.is_file():
        pytest.skip("OpenAI's specification is absent")
    return compare(path)


def test_the_page_is_up_to_date(operations: list[Operation]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page.BEGIN in text
    assert page.written(text, operations) == text, (
        "run `python -m scripts.conformance SPECIFICATION --write docs/api.md`"
    )


def test_every_refusal_has_a_reason(operations: list[Operation]) -> None:
    assert page.unexplained(operations) == []
