"""`config.json` of Hugging Face, to a `ModelConfig` and back.

Reads what transformers 4 and 5 write; writes the older spelling, which every tool reads.  It
refuses (`Unsupported`, by name) whatever would change the logits and is not implemented, and
(`Corrupt`) what is missing or of the wrong kind.  Never silently wrong.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fireside.errors import Corrupt, NotFound, Unsupported
from fireside.model.architecture import ModelConfig
from fireside.model.config_own import config_from_own, config_to_own
from fireside.model.config_rope import number_at, rope_from_hf, rope_to_hf
from fireside.model.families import FAMILIES, Family

_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "silu": "silu",
    "swish": "silu",
}
_WRITTEN_ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh", "silu": "silu"}

# config.json key -> is this value one that we do not implement?
_REFUSED: Mapping[str, Callable[[Any], bool]] = {
    "num_local_experts": bool,
    "num_experts": bool,
    "n_routed_experts": bool,
    "quantization_config": bool,
    "transformers_weights": bool,  # the name of another weight file
    "use_bidirectional_attention": bool,
    "attn_logit_softcapping": bool,
    "scale_attn_by_inverse_layer_idx": bool,
    "add_cross_attention": bool,
    "scale_attn_weights": lambda value: value is False,
    "partial_rotary_factor": lambda value: value not in (None, 1, 1.0),
    "no_rope_layers": lambda value: bool(value) and not all(value),
    "layer_types": lambda value: (
        not all(kind in ("full_attention", "sliding_attention") for kind in value or ())
    ),
}
_CONTAINERS: Mapping[str, type] = {
    "rope_scaling": dict,
    "rope_parameters": dict,
    "layer_types": list,
    "no_rope_layers": list,
}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file, or one clear line."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(
            f"{path.name} is missing in {path.parent}: is it a model's folder?"
        ) from None
    except (ValueError, RecursionError):
        raise Corrupt(f"{path} is not valid JSON: download the model again") from None
    if not isinstance(found, dict):
        raise Corrupt(f"{path} does not hold a JSON object: download the model again")
    return found


def config_from_hf(raw: Mapping[str, Any]) -> ModelConfig:
    """What a `config.json` describes.

    Errors: Unsupported for a family or feature that we lack, Corrupt for nonsense.
    """
    kind = raw.get("model_type")
    name = next((name for name, f in FAMILIES.items() if kind in f.hf_types), None)
    if name is None:
        known = ", ".join(sorted(FAMILIES))
        raise Unsupported(f"model family {kind!r} is not supported; supported are {known}")
    if name == "fireside":
        return config_from_own(raw)
    family = FAMILIES[name]
    values = {**family.defaults, **_text_part(raw)}
    for key, kinds in _CONTAINERS.items():
        if values.get(key) is not None and not isinstance(values[key], kinds):
            raise Corrupt(f"config.json says {key} = {values[key]!r}: download the model again")
    for key, refused in _REFUSED.items():
        if key in values and refused(values[key]):
            raise Unsupported(f"this {kind} model needs {key} = {values[key]!r}, not supported")
    fields: dict[str, Any] = dict(family.preset)
    for field, key in family.keys.items():
        fields[field] = _typed(field, key, values.get(key))
    _fill(fields, family, values)
    return ModelConfig(family=name, **fields)


def _text_part(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A picture-and-text model keeps its decoder's numbers one level down."""
    inner = raw.get("text_config")
    if inner is None:
        return dict(raw)
    if not isinstance(inner, dict):
        raise Corrupt("config.json: text_config is not an object")
    # The head belongs to the whole, so the outer word counts: true, where it says nothing.
    outer = {"tie_word_embeddings": True} | {
        key: raw[key] for key in ("tie_word_embeddings", "quantization_config") if key in raw
    }
    return {**inner, **outer}


_FLOATS = {"norm_eps", "logit_softcap"}
_BOOLEANS = {"tied_head", "attention_bias", "output_bias", "mlp_bias"}
_OPTIONAL = {"head_dim", "num_kv_heads", "mlp_width", "sliding_window", "logit_softcap"}


def _typed(field: str, key: str, value: Any) -> Any:
    if value is None and field in _OPTIONAL:
        return None
    if field == "activation":
        if not isinstance(value, str) or value not in _ACTIVATIONS:
            raise Unsupported(f"activation {value!r} is not supported")
        return _ACTIVATIONS[value]
    if field in _BOOLEANS:
        fits = isinstance(value, bool)
    elif field in _FLOATS:
        fits = isinstance(value, int | float) and math.isfinite(value)
    else:
        fits = isinstance(value, int) and not isinstance(value, bool)
    if not fits:
        raise Corrupt(f"config.json says {key} = {value!r}: download the model again")
    return value


def _fill(fields: dict[str, Any], family: Family, values: Mapping[str, Any]) -> None:
    """What a file may leave out, and what follows from several keys together."""
    heads, width = fields["num_heads"], fields["width"]
    if heads < 1 or width < 1:
        raise Corrupt(f"config.json says {heads} heads and a width of {width}")
    fields["num_kv_heads"] = fields.get("num_kv_heads") or heads
    if not fields.get("head_dim"):
        if width % heads:
            raise Corrupt(f"config.json: a width of {width} cannot be shared by {heads} heads")
        fields["head_dim"] = width // heads
    fields["mlp_width"] = fields["mlp_width"] or 4 * width
    if fields.get("positions", "rotary") == "rotary":
        fields["rope"] = rope_from_hf(family, values)
    if family.scaled_embedding:
        fields["embedding_scale"] = math.sqrt(width)
    # A key that a family does not know means nothing in it, whoever left it there.
    if "query_pre_attn_scalar" in family.defaults:
        fields["attention_scale"] = number_at(values, "query_pre_attn_scalar") ** -0.5
    if "sliding_window" in family.keys:
        layers = _sliding_layers(family, fields, values)
        fields["sliding_layers"] = layers if any(layers) else ()
        fields["sliding_window"] = fields["sliding_window"] if any(layers) else None


def _sliding_layers(
    family: Family, fields: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[bool, ...]:
    count: int = fields["num_layers"]
    kinds = values.get("layer_types")
    off = "max_window_layers" in family.defaults and not values.get("use_sliding_window")
    if fields["sliding_window"] is None or off:
        if "sliding_attention" in (kinds or ()):
            raise Corrupt("config.json has layers with a sliding window, but no window")
        return ()
    if not 0 < count <= 4096:
        return ()  # ModelConfig says so
    if kinds:
        if "mistral" in str(values.get("model_type")):
            # transformers' Mistral ignores them (it warns); whoever wrote them meant otherwise.
            raise Unsupported("a mistral model with layer_types is not supported")
        return tuple(kind == "sliding_attention" for kind in kinds)
    if "sliding_window_pattern" in family.defaults:
        every = max(1, int(number_at(values, "sliding_window_pattern")))
        return tuple((layer + 1) % every != 0 for layer in range(count))
    if "max_window_layers" not in family.defaults:
        return (True,) * count
    first = values["max_window_layers"]
    if type(first) is not int:
        raise Corrupt(f"config.json says max_window_layers = {first!r}: download the model again")
    return tuple(layer >= first for layer in range(count))


def config_to_hf(config: ModelConfig) -> dict[str, Any]:
    """The `config.json` from which transformers builds the same model.

    Errors: Unsupported if the family's own description cannot express this model.
    """
    family = FAMILIES[config.family]
    raw: dict[str, Any] = {
        "architectures": [family.hf_architecture],
        "model_type": family.hf_types[0],
        **family.written,
    }
    if config.family == "fireside":
        return raw | config_to_own(config)
    for field, key in family.keys.items():
        raw[key] = getattr(config, field)
    activation = next(key for field, key in family.keys.items() if field == "activation")
    raw[activation] = _WRITTEN_ACTIVATIONS[config.activation]
    raw |= rope_to_hf(config.rope) if config.rope else {}
    if config.attention_scale is not None:
        raw["query_pre_attn_scalar"] = round(config.attention_scale**-2)
    if config.sliding_layers:
        raw |= _written_windows(config)
    written = config_from_hf(raw)
    for item in dataclasses.fields(ModelConfig):
        if not _near(getattr(written, item.name), getattr(config, item.name)):
            raise Unsupported(f"a {config.family} config.json cannot express this {item.name}")
    return raw


def _near(a: object, b: object) -> bool:
    return a == b or (
        isinstance(a, float) and isinstance(b, float) and math.isclose(a, b, rel_tol=1e-7)
    )


def _written_windows(config: ModelConfig) -> dict[str, Any]:
    if config.family == "mistral":
        return {}
    kinds = {True: "sliding_attention", False: "full_attention"}
    return {
        "layer_types": [kinds[sliding] for sliding in config.sliding_layers],
        "use_sliding_window": True,
    }
