"""Open Responses' 17 checks: what the server can do about them, with a model that answers at once.

The two that a fake model cannot pass are those that no text model here passes either, or passes by
luck: docs/api.md says what they would need.
"""

from __future__ import annotations

import httpx

from .fakes import FakeModel
from .open_responses import Suite, run

NEEDS_MORE = {"image-input", "tool-calling"}


def test_all_but_two_pass(address: str, model: FakeModel) -> None:
    found = dict(run(f"{address}/v1", "fake:1b"))
    assert len(found) == 17
    assert {name for name, faults in found.items() if faults} == NEEDS_MORE, found
    assert "not supported: the models here read text" in found["image-input"][0]


def test_a_model_that_calls_its_tool_passes(
    address: str, http: httpx.Client, model: FakeModel
) -> None:
    call = '{"name": "get_weather", "arguments": {"location": "Here"}}'
    model.answer = f"<tool_call>\n{call}\n</tool_call>"
    assert Suite(f"{address}/v1", "fake:1b", http).check_tool_calling() == []
