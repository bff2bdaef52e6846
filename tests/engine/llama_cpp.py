"""llama.cpp itself, as a reference: a GGUF file, a prompt, and its greedy text."""

from __future__ import annotations

from pathlib import Path

import pytest


class LlamaCpp:
    """One loaded file.  Skips where the package is absent."""

    def __init__(self, path: Path, *, context: int) -> None:
        xllamacpp = pytest.importorskip("xllamacpp")
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = context
        parameters.n_parallel = 1
        parameters.warmup = False
        parameters.verbosity = -1
        for threads in (parameters.cpuparams, parameters.cpuparams_batch):
            threads.n_threads = 1
        self._server = xllamacpp.Server(parameters)

    def greedy(self, prompt: str | list[int], tokens: int) -> str:
        answer = self._server.handle_completions(
            {"prompt": prompt, "n_predict": tokens, "temperature": 0, "cache_prompt": False}
        )
        text: str = answer["choices"][0]["text"]
        return text

    def chat(self, messages: list[dict[str, str]], tokens: int) -> str:
        answer = self._server.handle_chat_completions(
            {"messages": messages, "max_tokens": tokens, "temperature": 0, "cache_prompt": False}
        )
        text: str = answer["choices"][0]["message"]["content"]
        return text
