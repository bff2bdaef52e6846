"""Rotary positions in `config.json`, as transformers 4 and 5 spell them, to a `Rope` and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fireside.errors import Corrupt, Unsupported
from fireside.model.architecture import LinearScaling, Llama3Scaling, Rope
from fireside.model.families import Family


def number_at(values: Mapping[str, Any], key: str) -> float:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise Corrupt(f"config.json says {key} = {value!r}: download the model again")
    return float(value)


def rope_from_hf(family: Family, values: Mapping[str, Any]) -> Rope:
    """transformers 4: rope_theta, rope_scaling.  5: rope_parameters, by kind of layer in gemma3.

    Where a file has both, transformers takes rope_scaling and leaves rope_parameters; in gemma3 it
    adds the one to the other.
    """
    scaling, given = values.get("rope_scaling") or {}, values.get("rope_parameters") or {}
    by_layer = "rope_local_base_freq" in family.defaults
    kinds = {"full_attention", "sliding_attention"}
    if by_layer and given.keys() - kinds:
        raise Unsupported(f"rope_parameters of {family.hf_types[0]} go by kind of layer")
    if not by_layer and given.keys() & kinds:
        raise Unsupported(f"rope_parameters of {family.hf_types[0]} cannot go by kind of layer")
    full = given.get("full_attention", {} if by_layer else given) or {}
    local = given.get("sliding_attention") or {}
    if not isinstance(full, dict) or not isinstance(local, dict):
        raise Corrupt(f"config.json says rope_parameters = {given!r}: download the model again")
    full = {**full, **scaling} if by_layer else scaling or full
    local_theta = None
    if by_layer:
        local_theta = number_at({**values, **local}, "rope_theta" if "rope_theta" in local
                              else "rope_local_base_freq")  # fmt: skip
    if _kind(local) != "default":
        raise Unsupported(f"rope scaling {_kind(local)!r} of sliding layers is not supported")
    if full.get("partial_rotary_factor") not in (None, 1, 1.0):
        raise Unsupported("partial_rotary_factor is not supported")
    theta = number_at(full if "rope_theta" in full else values, "rope_theta")
    return Rope(theta=theta, scaling=_scaling(full, values), local_theta=local_theta)


def _kind(rope: Mapping[str, Any]) -> object:
    return rope.get("rope_type", rope.get("type", "default"))


def _scaling(
    rope: Mapping[str, Any], values: Mapping[str, Any]
) -> LinearScaling | Llama3Scaling | None:
    match _kind(rope):
        case "default":
            return None
        case "linear":
            return LinearScaling(factor=number_at(rope, "factor"))
        case "llama3":
            original = "original_max_position_embeddings"
            window = {original: values.get("max_position_embeddings"), **rope}
            return Llama3Scaling(
                factor=number_at(rope, "factor"),
                low_freq_factor=number_at(rope, "low_freq_factor"),
                high_freq_factor=number_at(rope, "high_freq_factor"),
                original_context=int(number_at(values if original in values else window, original)),
            )
        case other:
            raise Unsupported(f"rope scaling {other!r} is not supported; linear and llama3 are")


def rope_to_hf(rope: Rope) -> dict[str, Any]:
    raw: dict[str, Any] = {"rope_theta": rope.theta}
    if rope.local_theta is not None:
        raw["rope_local_base_freq"] = rope.local_theta
    if isinstance(rope.scaling, LinearScaling):
        raw["rope_scaling"] = {"rope_type": "linear", "factor": rope.scaling.factor}
    if isinstance(rope.scaling, Llama3Scaling):
        raw["rope_scaling"] = {
            "rope_type": "llama3",
            "factor": rope.scaling.factor,
            "low_freq_factor": rope.scaling.low_freq_factor,
            "high_freq_factor": rope.scaling.high_freq_factor,
            "original_max_position_embeddings": rope.scaling.original_context,
        }
    return raw
