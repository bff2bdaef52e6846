"""Adapters that come with the package: for one persona, one model, and the tools it was trained on.

`personas/adapters/NAME/` holds `adapter.safetensors` (8 bits, a scale for each row), PEFT's
`adapter_config.json`, `adapter.json` (which model, which tools) and `README.md`, its card.  The
first use unpacks it into `FIRESIDE_HOME/adapters` in PEFT's own format.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock

from fireside.assistant.ability.checks import SHIPPED
from fireside.hub.local import read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import torch

    from fireside.assistant.persona import Persona
    from fireside.hub import LocalModel

FOLDER: Final = SHIPPED / "adapters"
SCALE: Final = ".scale"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedAdapter:
    """base, sha256: the model that it was trained on, and the digest of that model's largest file.

    tools: those that it was trained to call.
    """

    name: str
    base: str
    sha256: str
    tools: tuple[str, ...]
    folder: Path

    @property
    def size_bytes(self) -> int:
        return (self.folder / "adapter.safetensors").stat().st_size

    def suits(self, local: LocalModel | None, tools: Iterable[str]) -> bool:
        """The model is that very one, with nothing added, and all these tools are known."""
        if local is None or local.adapters or local.name != self.base:
            return False
        return set(tools) <= set(self.tools) and _digest(local) == self.sha256


def shipped_adapter(persona: Persona) -> ShippedAdapter | None:
    """None where the persona names none, or this package has no such adapter."""
    name = persona.adapter
    if name is None or not (FOLDER / name / "adapter.json").is_file():
        return None
    folder = FOLDER / name
    known: Mapping[str, Any] = json.loads((folder / "adapter.json").read_text(encoding="utf-8"))
    return ShippedAdapter(
        name=name, base=known["base"], sha256=known["sha256"], tools=tuple(known["tools"]),
        folder=folder,
    )  # fmt: skip


def _digest(local: LocalModel) -> str:
    """Of the largest file, as the model's manifest has it."""
    largest = max(local.files or (local.path,), key=lambda file: file.stat().st_size)
    folder = local.path if local.path.is_dir() else local.path.parent
    digest = str(read_manifest(folder).files.get(largest.name, {}).get("digest", ""))
    return digest.removeprefix("sha256:")


def packed(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Each row in 8 bits, with its scale."""
    import torch

    made: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        rows = tensor.float()
        scale = rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
        made[name] = (rows / scale).round().to(torch.int8)
        made[name + SCALE] = scale
    return made


def unpacked(adapter: ShippedAdapter, home: Path) -> Path:
    """The adapter's folder in PEFT's format, made once."""
    from safetensors.torch import load_file, save_file

    source = adapter.folder / "adapter.safetensors"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    folder = home / "adapters" / f"{adapter.name}-{digest}"
    whole = folder / "adapter_config.json"
    if whole.is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not whole.is_file():
            small = load_file(source)
            tensors = {
                name: tensor.float() * small[name + SCALE]
                for name, tensor in small.items()
                if not name.endswith(SCALE)
            }
            save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
            config = (adapter.folder / "adapter_config.json").read_text(encoding="utf-8")
            whole.write_text(config, encoding="utf-8")  # last: it says that all is there
    return folder
