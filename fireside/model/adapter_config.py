"""`adapter_config.json`, PEFT's description of an adapter: in, out, and what we refuse.

PEFT has some fifty fields.  Those that say how an adapter was made do not matter for what it
computes; those that change what it computes are either understood here or refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fireside.errors import Corrupt, Unsupported
from fireside.model.config_hf import read_json

CONFIG_NAME = "adapter_config.json"

# They say how it was made, or where; the tensors say the rest.
_SAYS_NOTHING = frozenset(
    {
        "auto_mapping", "base_model_name_or_path", "corda_config", "eva_config", "exclude_modules",
        "fan_in_fan_out", "inference_mode", "layers_pattern", "layers_to_transform",
        "lora_ga_config", "megatron_core", "peft_version", "qalora_group_size", "revision",
        "runtime_config", "target_modules", "task_type", "ensure_weight_tying",
    }
)  # fmt: skip
# The ones that leave the base's weights alone.
_HARMLESS_STARTS = (True, False, "gaussian", "eva", "orthogonal")
_PLAIN_NAME = re.compile(r"[\w.]{1,200}")

Rank = Annotated[int, Field(ge=1, le=1 << 16)]
Alpha = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class AdapterConfig(BaseModel):
    """The fields that we understand; every other one must be empty or say nothing."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    peft_type: str
    r: Rank
    lora_alpha: Alpha
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    use_dora: bool = False
    bias: str = "none"
    init_lora_weights: bool | str = True
    rank_pattern: dict[str, Rank] = {}
    alpha_pattern: dict[str, Alpha] = {}
    base_model_name_or_path: str | None = None

    def alpha(self, name: str) -> float:
        """Of one linear, by the file's name."""
        return _matching(self.alpha_pattern, name, self.lora_alpha)

    def rank(self, name: str) -> int:
        return int(_matching(self.rank_pattern, name, self.r))


def read_adapter_config(folder: Path) -> AdapterConfig:
    """Errors: NotFound, Corrupt, Unsupported naming the feature."""
    raw = read_json(folder / CONFIG_NAME)
    kind = raw.get("peft_type")
    if kind != "LORA":
        raise Unsupported(f"{folder.name} is an adapter of PEFT's type {kind!r}: only LORA works")
    filled = {
        key: value
        for key, value in raw.items()
        if value is not None or key not in AdapterConfig.model_fields
    }
    try:
        config = AdapterConfig.model_validate(filled)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Corrupt(f"{CONFIG_NAME}: {where}: {first['msg']}: copy the adapter again") from None
    _refuse(config)
    return config


def _refuse(config: AdapterConfig) -> None:
    for key, value in (config.model_extra or {}).items():
        if key not in _SAYS_NOTHING and not _empty(value):
            raise Unsupported(f"the adapter uses PEFT's {key} = {str(value)[:80]}: not supported")
    if config.bias != "none":
        raise Unsupported(f"the adapter uses PEFT's bias = {config.bias!r}: only none works")
    if config.init_lora_weights not in _HARMLESS_STARTS:
        raise Unsupported(
            f"the adapter uses PEFT's init_lora_weights = {config.init_lora_weights!r}, which "
            "changes the base's weights: merge it with PEFT and use the merged model"
        )
    for pattern in (*config.rank_pattern, *config.alpha_pattern):
        if not _PLAIN_NAME.fullmatch(pattern.removeprefix("^")):
            raise Unsupported(
                f"the adapter's pattern {pattern[:80]!r} is a regular expression: only names work"
            )


def _empty(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_empty(item) for item in value.values())
    return value is None or value is False or value == [] or value == ""


def _matching(patterns: Mapping[str, float], name: str, otherwise: float) -> float:
    """PEFT's rule: the first pattern that is the name, or its end behind a dot."""
    for pattern, value in patterns.items():
        whole = pattern.startswith("^")
        if name == pattern.removeprefix("^") or (not whole and name.endswith(f".{pattern}")):
            return value
    return otherwise


def config_json(
    *,
    base: str,
    rank: int,
    alpha: float,
    dropout: float,
    dora: bool,
    targets: list[str],
    transposed: bool,
    ranks: Mapping[str, int],
    alphas: Mapping[str, float],
) -> dict[str, Any]:
    """What PEFT reads.  `transposed`: the base's linears are stored (in, out), as GPT-2's are."""
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": _whole(alpha),
        "lora_dropout": dropout,
        "target_modules": targets,
        "use_dora": dora,
        "use_rslora": False,
        "bias": "none",
        "fan_in_fan_out": transposed,
        "init_lora_weights": True,
        "rank_pattern": dict(ranks),
        "alpha_pattern": {name: _whole(value) for name, value in alphas.items()},
        "modules_to_save": None,
    }


def _whole(number: float) -> int | float:
    return int(number) if number == int(number) else number
