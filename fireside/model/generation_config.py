"""What `generation_config.json` of a Hugging Face folder says of how to sample.

Its `eos_token_id` counts (`tokenizer/folder.py`).  Its sampling is a recommendation, which the chat
surfaces follow.  A token that must never come, or must come first, changes every answer: such a
rule is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

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
SAMPLING: Final[Mapping[str, tuple[float, float]]] = {
    "temperature": (0.0, 2.0),
    "top_p": (1e-6, 1.0),
    "top_k": (0, 2**31 - 1),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (1e-2, 10.0),
}
"""What is followed, and its range; a value outside of it counts as absent."""
IGNORED: Final[Mapping[str, object]] = {
    "no_repeat_ngram_size": 0,
    "encoder_repetition_penalty": 1.0,
    "encoder_no_repeat_ngram_size": 0,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "penalty_alpha": 0.0,
    "num_beams": 1,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "length_penalty": 1.0,
    "exponential_decay_length_penalty": None,
    "guidance_scale": 1.0,
    "watermarking_config": None,
    "dola_layers": None,
}
"""What would change an answer and is not followed, and the value that changes nothing."""

log = logging.getLogger(__name__)


def refuse_token_rules(folder: Path) -> None:
    """Errors: Unsupported for a rule that is set, Corrupt where the file is no JSON object."""
    rules = _read(folder)
    for rule in TOKEN_RULES:
        value = rules.get(rule)
        if value is not None and value != [] and value != {}:
            raise Unsupported(
                f"{FILE} says {rule} = {str(value)[:60]}, which is not supported: remove the line "
                "if the model may answer without it."
            )


def recommended_sampling(folder: Path) -> dict[str, float]:
    """The sampling of the file; empty where it recommends none.  What is ignored is logged.

    `do_sample = false` says nothing: transformers writes it where nobody chose.

    Errors: Corrupt where the file is no JSON object.
    """
    values = _read(folder)
    ignored = [
        f"{name} = {str(values[name])[:60]}"
        for name, neutral in IGNORED.items()
        if values.get(name) is not None and values[name] != neutral
    ]
    if ignored:
        log.warning("%s: ignored: %s.", folder / FILE, ", ".join(ignored))
    return {
        name: values[name]
        for name, (least, most) in SAMPLING.items()
        if _is_between(values.get(name), least, most)
    }


def _is_between(value: object, least: float, most: float) -> bool:
    """False for what is no number, and for NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _read(folder: Path) -> Mapping[str, Any]:
    path = folder / FILE
    return read_json(path) if path.is_file() else {}
