"""A program of its own that compiles strangers' grammars, so that what goes wrong goes wrong here.

Not every grammar is harmless: `{"multipleOf": 9999991}` takes llguidance 1.9 four minutes, no limit
of its own ends it, and a grammar of three thousand rules overflows its stack, which would end the
server.  A process can be killed, and can crash alone.  `probing.py` starts it as a script: it may
import nothing of Fireside, so that it starts in a tenth of a second and takes little memory.

Standard input: one line of JSON, the vocabulary; then one line of JSON, a grammar, each.
Standard output: a line for each, `{"error": ""}` where it compiles.
"""

from __future__ import annotations

import json
import signal
import sys

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

SECONDS = 5
"""The parent kills this process long before; this is for when there is no parent any more."""
MEMORY = 4 << 30


class Described:
    """A vocabulary under the names that llguidance reads."""

    def __init__(self, said: dict[str, list[int] | list[str]]) -> None:
        self.tokens = [bytes.fromhex(str(text)) for text in said["tokens"]]
        self.special_token_ids = [int(number) for number in said["special"]]
        self.eos_token_id = int(said["eos"][0]) if said["eos"] else 0
        self.bos_token_id = None
        self.whole: LLTokenizer | None = None

    def __call__(self, text: bytes) -> list[int]:
        """Any ids that spell the text: what is forced is walked through, however it is cut."""
        if self.whole is None:
            return []
        return self.whole.greedy_tokenize(text.decode("utf-8", "replace"))


def main() -> None:
    _bound()
    said = json.loads(sys.stdin.readline())
    described = Described(said)
    tokenizer = LLTokenizer(TokenizerWrapper(described), eos_token=said["eos"] or None)
    described.whole = tokenizer
    print("{}", flush=True)
    for line in sys.stdin:
        if hasattr(signal, "alarm"):
            signal.alarm(SECONDS)
        error = compiled(tokenizer, json.loads(line))
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        print(json.dumps({"error": error}), flush=True)


def compiled(tokenizer: LLTokenizer, grammar: str) -> str:
    """What is wrong with a grammar.  The lexer is built with the first mask, so make one."""
    matcher = LLMatcher(tokenizer, grammar, log_level=0)
    if not matcher.is_error():
        matcher.compute_bitmask()
    return str(matcher.get_error()) if matcher.is_error() else ""


def _bound() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
