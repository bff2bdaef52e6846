"""Writes a GGUF file of a Llama's shape with random weights in Q4_0: to measure speed, not words.

    python benchmarks/shapes.py 1.1b OUT.gguf       # then: benchmarks/side_by_side.py OUT.gguf

The tokenizer is the default model's.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter

from fireside.hub.local import locate
from fireside.settings import load_settings

SCALE = np.float16(0.004)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """head_dim is 64 where nothing else is said."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    inner: int
    head_dim: int = 64


SHAPES = {
    "360m": Shape(width=960, layers=32, heads=15, kv_heads=5, inner=2560),
    "1.1b": Shape(width=2048, layers=22, heads=32, kv_heads=4, inner=5632),
    "3b": Shape(width=3072, layers=28, heads=24, kv_heads=8, inner=8192, head_dim=128),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    settings = load_settings()
    tokenizer = GGUFReader(locate("smollm2:135m", settings.models_dir).path)
    write(SHAPES[arguments.shape], tokenizer, arguments.out)


def write(shape: Shape, tokenizer: GGUFReader, out: Path) -> None:
    writer = GGUFWriter(out, "llama")
    for name, field in tokenizer.fields.items():
        if not name.startswith("tokenizer"):
            continue
        if field.types[0] == GGUFValueType.ARRAY:
            writer.add_array(name, field.contents())
        else:
            writer.add_key_value(name, field.contents(), field.types[0])
    vocabulary = len(tokenizer.fields["tokenizer.ggml.tokens"].data)
    writer.add_context_length(8192)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    dice = np.random.default_rng(0)

    def matrix(name: str, outputs: int, inputs: int) -> None:
        blocks = random_blocks(dice, outputs, inputs)
        writer.add_tensor(name, blocks, raw_dtype=GGMLQuantizationType.Q4_0)

    norm = np.ones(shape.width, np.float32)
    matrix("token_embd.weight", vocabulary, shape.width)
    matrix("output.weight", vocabulary, shape.width)
    writer.add_tensor("output_norm.weight", norm)
    query, key = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    for index in range(shape.layers):
        layer = f"blk.{index}."
        matrix(f"{layer}attn_q.weight", query, shape.width)
        matrix(f"{layer}attn_k.weight", key, shape.width)
        matrix(f"{layer}attn_v.weight", key, shape.width)
        matrix(f"{layer}attn_output.weight", shape.width, query)
        matrix(f"{layer}ffn_gate.weight", shape.inner, shape.width)
        matrix(f"{layer}ffn_up.weight", shape.inner, shape.width)
        matrix(f"{layer}ffn_down.weight", shape.width, shape.inner)
        writer.add_tensor(f"{layer}attn_norm.weight", norm)
        writer.add_tensor(f"{layer}ffn_norm.weight", norm)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def random_blocks(dice: np.random.Generator, outputs: int, inputs: int) -> npt.NDArray[np.uint8]:
    """Blocks of Q4_0: a scale, then 32 numbers of four bits."""
    blocks = np.empty((outputs * inputs // 32, 18), np.uint8)
    blocks[:, :2] = np.array([SCALE]).view(np.uint8)
    blocks[:, 2:] = dice.integers(0, 256, (len(blocks), 16), dtype=np.uint8)
    return blocks.reshape(outputs, -1)


if __name__ == "__main__":
    main()
