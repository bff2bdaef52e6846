"""Evals, their runs, and the output items of these: rows, and how they are shown.

eval        name, metadata, data_source_config, testing_criteria
eval_run    below its eval: queued -> in_progress -> completed | failed | canceled
eval_item   below its run: pass, fail or error; its id holds its place, so it is there once
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from fireside.graders.kinds import plain
from fireside.server.evals.wire import Custom, EvalRequest, names_of
from fireside.storage.objects import Stored

EVAL: Final = "eval"
RUN: Final = "eval_run"
ITEM: Final = "eval_item"
OVER: Final = ("completed", "failed", "canceled")
_MESSAGE: Final = {
    "type": "object",
    "properties": {"role": {"type": "string"}, "content": {"type": ["string", "array", "null"]}},
}
SAMPLE: Final = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "output_text": {"type": "string"},
        "output_json": {"type": ["object", "null"]},
        "choices": {"type": "array"},
    },
    "required": ["model", "output_text"],
}


def body_of(asked: EvalRequest) -> dict[str, Any]:
    """A new eval's."""
    config = asked.data_source_config
    if isinstance(config, Custom):
        properties: dict[str, Any] = {"item": config.item_schema}
        if config.include_sample_schema:
            properties["sample"] = SAMPLE
        source: dict[str, Any] = {"type": "custom"}
    else:
        properties = {"item": {"type": "object"}, "sample": SAMPLE}
        source = {"type": config.type, "metadata": config.metadata}
    source["schema"] = {
        "type": "object", "properties": properties, "required": list(properties),
    }  # fmt: skip
    return {
        "name": asked.name or "",
        "metadata": asked.metadata,
        "data_source_config": source,
        "testing_criteria": [plain(each) for each in asked.testing_criteria],
        "updated_at": time.time(),
    }


def item_schema(row: Stored) -> Mapping[str, Any]:
    found: Mapping[str, Any] = row.body["data_source_config"]["schema"]["properties"]["item"]
    return found


def shown_eval(row: Stored) -> dict[str, Any]:
    body = row.body
    return {
        "id": row.id,
        "object": "eval",
        "created_at": int(row.created_at),
        "name": body["name"],
        "metadata": body["metadata"],
        "data_source_config": body["data_source_config"],
        "testing_criteria": body["testing_criteria"],
    }


def fresh_counts(criteria: list[dict[str, Any]]) -> dict[str, Any]:
    """What a run has found before its first item."""
    return {
        "result_counts": {"total": 0, "passed": 0, "failed": 0, "errored": 0},
        "per_testing_criteria_results": [
            {"testing_criteria": name, "passed": 0, "failed": 0} for name in names_of(criteria)
        ],
        "per_model_usage": [],
    }


def counted(counts: dict[str, Any], item: Mapping[str, Any]) -> None:
    """Add an output item's body to a run's counts."""
    result = {"pass": "passed", "fail": "failed"}.get(item["status"], "errored")
    counts["result_counts"]["total"] += 1
    counts["result_counts"][result] += 1
    for each in item["results"]:
        for line in counts["per_testing_criteria_results"]:
            if line["testing_criteria"] == each["name"]:
                line["passed" if each["passed"] else "failed"] += 1
    for name, used in item["usage"].items():
        lines = counts["per_model_usage"]
        line = next((one for one in lines if one["model_name"] == name), None)
        if line is None:
            line = {
                "model_name": name, "invocation_count": 0, "prompt_tokens": 0,
                "completion_tokens": 0, "total_tokens": 0, "cached_tokens": 0,
            }  # fmt: skip
            lines.append(line)
        for key, value in used.items():
            line[key] += value


def shown_run(row: Stored) -> dict[str, Any]:
    body = row.body
    return {
        "id": row.id,
        "object": "eval.run",
        "eval_id": row.parent_id,
        "created_at": int(row.created_at),
        "name": body["name"],
        "metadata": body["metadata"],
        "model": body["data_source"].get("model") or "",
        "status": row.status,
        "error": body.get("error"),
        "data_source": body["data_source"],
        "report_url": "",
        "result_counts": body["result_counts"],
        "per_model_usage": body["per_model_usage"],
        "per_testing_criteria_results": body["per_testing_criteria_results"],
    }


def shown_item(row: Stored, eval_id: str) -> dict[str, Any]:
    body = row.body
    return {
        "id": row.id,
        "object": "eval.run.output_item",
        "created_at": int(row.created_at),
        "run_id": row.parent_id,
        "eval_id": eval_id,
        "status": row.status,
        "datasource_item_id": body["place"],
        "datasource_item": body["item"],
        "results": body["results"],
        "sample": body["sample"],
    }
