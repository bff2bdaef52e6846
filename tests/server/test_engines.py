"""The addresses of 2022, asked by the client of 2022: `openai` 0.28, unmodified."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

from tests.clients import client_home

from .test_bad_input import refused

ASK = {"prompt": "Hi", "max_tokens": 150, "n": 1, "stop": None, "temperature": 0.7}


@pytest.mark.parametrize("root", ["", "/v1"])
def test_engines(http: httpx.Client, root: str) -> None:
    listed = http.get(f"{root}/engines").json()
    assert listed["object"] == "list"
    assert {each["id"] for each in listed["data"]} == {"fake:1b"}
    for name in ("fake:1b", "text-davinci-002", "a/b"):
        engine = http.get(f"{root}/engines/{name}").json()
        assert engine == {"id": "fake:1b", "object": "engine", "owner": "fireside", "ready": True}
        answer = http.post(f"{root}/engines/{name}/completions", json=ASK).json()
        assert answer["model"] == "fake:1b"
        assert answer["choices"][0]["text"] == "Hello there"
        again = http.post(f"{root}/engines/{name}/completions", json=ASK | {"model": name})
        assert again.status_code == 200


def test_a_stream(http: httpx.Client) -> None:
    answer = http.post("/v1/engines/davinci/completions", json=ASK | {"stream": True})
    assert answer.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "prompt"),
        (ASK | {"model": "other"}, 400, "model"),
        (ASK | {"suffix": "x"}, 400, "suffix"),
        (ASK | {"wings": 2}, 400, "wings"),
    ],
)
def test_bad_input(http: httpx.Client, body: dict[str, object], status: int, param: str) -> None:
    answer = http.post("/v1/engines/davinci/completions", json=body)
    assert refused(answer, status)["param"] == param


@pytest.mark.parametrize("name", ["nosuch", "..%2f..%2fetc", "a%00b", "x" * 2000])
def test_unknown_engines(http: httpx.Client, name: str) -> None:
    refused(http.get(f"/v1/engines/{name}"), 404)
    answer = http.post(f"/v1/engines/{name}/completions", json=ASK)
    assert answer.status_code in (400, 404)


PROGRAM = """
import json, sys, openai
openai.api_key = "none"
openai.api_base = sys.argv[1]
assert openai.__version__.startswith("0.28")
def ask(**more):
    return openai.Completion.create(
        engine="text-davinci-002", prompt="Hi", max_tokens=150, n=1, stop=None, temperature=0.7,
        **more
    )
whole = ask()
streamed = "".join(chunk.choices[0].text for chunk in ask(stream=True))
chat = openai.ChatCompletion.create(
    model="gpt-3.5-turbo", messages=[{"role": "user", "content": "Hi"}]
)
try:
    openai.Completion.create(engine="nosuch", prompt="Hi")
except openai.error.InvalidRequestError as error:
    refused = error.code
print(json.dumps({
    "text": whole.choices[0].text, "model": whole.model, "finish": whole.choices[0].finish_reason,
    "tokens": whole.usage.total_tokens, "streamed": streamed,
    "chat": chat.choices[0].message.content, "refused": refused,
    "engines": [engine.id for engine in openai.Engine.list().data],
    "engine": openai.Engine.retrieve("text-davinci-002").id,
}))
"""


def test_the_client_of_2022(address: str) -> None:
    path = str(client_home.packages("clients-openai-0.txt"))
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"{address}/v1"],
        capture_output=True,
        text=True,
        env={"PATH": "", "PYTHONPATH": path, "NO_PROXY": "*", "no_proxy": "*"},
        check=False,
    )
    assert made.returncode == 0, made.stderr
    said = json.loads(made.stdout)
    assert (said["text"], said["streamed"], said["chat"]) == ("Hello there",) * 3
    assert (said["model"], said["engine"], said["engines"]) == ("fake:1b", "fake:1b", ["fake:1b"])
    assert (said["finish"], said["refused"]) == ("stop", "model_not_found")
