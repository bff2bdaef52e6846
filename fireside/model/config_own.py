"""`config.json` of our own family: the fields of `ModelConfig` themselves, held to their types."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fireside.errors import Corrupt
from fireside.model.architecture import ModelConfig


def config_from_own(raw: Mapping[str, Any]) -> ModelConfig:
    """Errors: Corrupt, naming the first field at fault."""
    names = {item.name for item in dataclasses.fields(ModelConfig)}
    fields = {key: value for key, value in raw.items() if key in names}
    try:
        return TypeAdapter(ModelConfig).validate_python(fields | {"family": "fireside"})
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Corrupt(f"config.json: {where}: {first['msg']}: copy the model again") from None


def config_to_own(config: ModelConfig) -> dict[str, Any]:
    return dataclasses.asdict(config)
