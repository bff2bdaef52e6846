"""Small models for the tests: a GGUF file of every tensor type, and Hugging Face folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize
from safetensors.numpy import save_file

from fireside.hub.local import Manifest

TOKENS = ["<unk>", "<s>", "a", "é", "Ġthe", "日本", "", "🔥"]


def write_gguf(path: Path, *, tensors: bool = True) -> Path:
    """A valid file with every kind of metadata value and a few tensors."""
    writer = GGUFWriter(path, "llama")
    writer.add_name("Small")
    writer.add_license("Apache-2.0")
    writer.add_context_length(2048)
    writer.add_token_list(TOKENS)
    writer.add_token_merges(["a b", "é c"])
    writer.add_token_types([2, 3, 1, 1, 1, 1, 1, 1])
    writer.add_chat_template("{{ messages[0].content }}")
    writer.add_bool("test.yes", True)
    writer.add_uint8("test.u8", 200)
    writer.add_int8("test.i8", -5)
    writer.add_uint16("test.u16", 60_000)
    writer.add_int16("test.i16", -300)
    writer.add_int32("test.i32", -70_000)
    writer.add_uint64("test.u64", 1 << 60)
    writer.add_int64("test.i64", -(1 << 60))
    writer.add_float32("test.f32", 0.5)
    writer.add_float64("test.f64", 0.1)
    writer.add_array("test.floats", [0.25, 0.5])
    if tensors:
        rng = np.random.default_rng(0)
        for name in ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"):
            kind = GGMLQuantizationType[name]
            data = quantize(rng.standard_normal((3, 64)).astype(np.float32), kind)
            writer.add_tensor(f"blk.{name}.weight", data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_folder(folder: Path, *, shards: int = 1) -> Path:
    """A Hugging Face folder with weights in one file or in shards."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "llama", "max_position_embeddings": 128}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ 1 }}"}))
    rng = np.random.default_rng(0)
    tensors = {f"layer.{i}": rng.standard_normal((i + 1, 4)).astype(np.float32) for i in range(4)}
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return folder
    weight_map = {}
    for shard in range(shards):
        name = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {key: value for i, (key, value) in enumerate(tensors.items()) if i % shards == shard}
        save_file(part, folder / name)
        weight_map |= dict.fromkeys(part, name)
    index = {"metadata": {"total_size": 160}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def install(models_dir: Path, name: str, folder: str) -> Path:
    """A GGUF model as `pull` would leave it."""
    where = models_dir / folder
    where.mkdir(parents=True)
    path = write_gguf(where / "small.gguf")
    files = {"small.gguf": {"bytes": path.stat().st_size, "digest": "sha256:0"}}
    Manifest(name=name, source="hf:a/b", revision="c0ffee", licence="mit", files=files).write(where)
    return path
