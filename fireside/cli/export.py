"""`fireside models export`: a model as others read it.

It refuses to convert by itself: each format is a file of the model room.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fireside.cli.printable import printable, printable_json
from fireside.errors import BadRequest


class Format(StrEnum):
    hf = "hf"
    gguf = "gguf"
    onnx = "onnx"


class Type(StrEnum):
    f32 = "f32"
    f16 = "f16"
    q8_0 = "q8_0"


# The first one of each is what comes without --type.
TYPES = {
    Format.hf: (Type.f32, Type.f16),
    Format.gguf: (Type.f16, Type.q8_0, Type.f32),
    Format.onnx: (Type.f32, Type.f16),
}
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME|DIR", help="A model's name, or the folder of a run or an adapter."
    ),
]
Wanted = Annotated[
    Format,
    typer.Option(
        "--format",
        "-f",
        help="hf: transformers. gguf: llama.cpp. onnx: onnxruntime.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="A new folder.", show_default=False)]
Precision = Annotated[
    Type | None,
    typer.Option("--type", "-t", help="Of the weights: f32 (hf, onnx) or f16 (gguf) if not said."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]


def export(
    name: Name, format_: Wanted, out: Out, type_: Precision = None, as_json: Json = False
) -> None:
    """Write a model for transformers, llama.cpp or onnxruntime; an adapter is merged into its base.

    The folder must be new or empty, and appears whole.
    """
    kind = type_ or TYPES[format_][0]
    if kind not in TYPES[format_]:
        known = ", ".join(TYPES[format_])
        raise BadRequest(f"--format {format_} knows --type {known}, not {kind}.", param="type")
    from fireside.hub.local import locate
    from fireside.settings import load_settings

    local = locate(name, load_settings().models_dir)
    if local.entry is not None and local.entry.kind != "chat":
        raise BadRequest(f"{local.name} makes {local.entry.kind}s: only chat models are exported.")
    import torch

    if format_ is Format.gguf:
        from fireside.model.export_gguf import export_gguf

        path = export_gguf(local, out, kind=kind.value)
    elif format_ is Format.onnx:
        from fireside.model.export_onnx import export_onnx

        path = export_onnx(local, out, dtype=torch.float16 if kind is Type.f16 else torch.float32)
    else:
        from fireside.model.export_hf import export_hf

        export_hf(local, out, dtype=torch.float16 if kind is Type.f16 else torch.float32)
        path = out
    if as_json:
        print(printable_json({"path": str(path), "format": format_.value, "type": kind.value}))
    else:
        print(printable(str(path)))
