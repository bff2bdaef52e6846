"""What `generation_config.json` says of single tokens, and Fireside does not follow.

Its `eos_token_id` counts (`tokenizer/folder.py`), its sampling is a recommendation; but a token
that must never come, or must come first, changes every answer.
"""

from __future__ import annotations

from pathlib import Path

from fireside.errors import Unsupported
from fireside.model.config_hf import read_json

FILE = "generation_config.json"
TOKEN_RULES = (
    "suppress_tokens",
    "begin_suppress_tokens",
    "bad_words_ids",
    "sequence_bias",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "forced_decoder_ids",
)


def refuse_token_rules(folder: Path) -> None:
    """Errors: Unsupported for a rule that is set, Corrupt where the file is no JSON object."""
    path = folder / FILE
    rules = read_json(path) if path.is_file() else {}
    for rule in TOKEN_RULES:
        value = rules.get(rule)
        if value is not None and value != [] and value != {}:
            raise Unsupported(
                f"{FILE} says {rule} = {str(value)[:60]}, which is not supported: remove the line "
                "if the model may answer without it."
            )
