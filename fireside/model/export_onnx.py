"""A model on disk to ONNX: ids in, logits out, for runtimes that know neither PyTorch nor us.

    DIR/model.onnx (and model.onnx.data beside it), config.json, tokenizer.json ...

One graph of the whole sequence, without a cache of the past: any number of rows and of tokens up to
the model's context.  It refuses quantised types; what reads ONNX quantises by itself.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from fireside.errors import Unavailable
from fireside.hub.packages import training_packages
from fireside.model.config import config_to_hf
from fireside.model.export_hf import special_ids, write_tokenizer
from fireside.model.load import load_model
from fireside.model.save import appears_whole
from fireside.model.tokenizer import load_tokenizer
from fireside.model.transformer import Transformer
from fireside.tokenizer.templates import write_json

if TYPE_CHECKING:
    from fireside.hub import LocalModel

OPSET = 20


class _Logits(nn.Module):
    """ids -> logits: the model without the arguments that a graph cannot take."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids)
        return logits


def export_onnx(local: LocalModel, folder: Path, *, dtype: torch.dtype = torch.float32) -> Path:
    """Write `folder`, which appears whole.  Returns the path of model.onnx.

    Raises:
        Conflict: the folder is not empty.
        Unavailable: the packages for ONNX are not installed.
        Corrupt, Unsupported: the model cannot be read.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise Unavailable(
            "ONNX needs two more packages, onnx and onnxscript. Install them with: "
            f"{training_packages()}"
        ) from None
    model = load_model(local, dtype)
    ids = special_ids(load_tokenizer(local))
    with appears_whole(folder) as unfinished:
        _trace(_Logits(model).eval(), model.config.context, unfinished / "model.onnx")
        write_json(unfinished / "config.json", {**ids, **config_to_hf(model.config)})
        write_tokenizer(local, unfinished)
    return folder / "model.onnx"


def _trace(model: nn.Module, context: int, path: Path) -> None:
    # Two rows of several tokens: a size of one would be taken for a constant.
    example = torch.zeros(2, min(8, context), dtype=torch.int64)
    shape = {0: torch.export.Dim("rows"), 1: torch.export.Dim("tokens", max=context)}
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)  # it tells of every package that it could also export
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about its own future
        torch.onnx.export(
            model,
            (example,),
            path,
            input_names=["input_ids"],
            output_names=["logits"],
            dynamic_shapes={"input_ids": shape},
            dynamo=True,
            opset_version=OPSET,
            external_data=True,
            verbose=False,
        )
    log.setLevel(level)
