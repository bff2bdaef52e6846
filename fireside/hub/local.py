"""The models on this machine: find one by name, list them, remove one.  Never the network.

    <models_dir>/smollm2-135m/fireside-model.json                what it is and where it came from
    <models_dir>/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf
    <models_dir>/hf--Qwen--Qwen3-0.6B/config.json, *.safetensors, ...

A folder without a manifest is not a model of ours; a folder gets its manifest before it gets its
name, so what is there is whole.  A path may also name what training leaves (`runs.py`).  Refuses
to hash on every start: sizes are compared, hashes were when the file came.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from fireside.errors import BadRequest, Corrupt, NotFound, UnknownModel
from fireside.hub.catalogue import Entry, catalogue
from fireside.hub.reference import Reference, parse
from fireside.hub.runs import (
    ADAPTER,
    ADAPTER_WEIGHTS,
    TOKENIZER,
    base_of,
    is_adapter,
    is_model_folder,
    is_run,
    model_of_run,
)
from fireside.hub.safetensors import weight_files

MANIFEST = "fireside-model.json"
# SFT, then DPO on top, then again: more than this is a circle.
MOST_ADAPTERS = 8
Format = Literal["gguf", "hf"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """A model that is here.

    path: a GGUF file or a Hugging Face folder.
    adapter: the folder of what is added to these weights, in PEFT's format; `path` is its base.
    beneath: adapters that are added before it: it was trained on top of them.
    tokenizer: the folder that has the tokenizer where `path` does not, or another one counts.
    files: everything that the weights depend on.
    """

    name: str
    path: Path
    format: Format
    entry: Entry | None = field(default=None, repr=False)
    files: tuple[Path, ...] = field(default=(), repr=False)
    adapter: Path | None = None
    beneath: tuple[Path, ...] = ()
    tokenizer: Path | None = field(default=None, repr=False)

    @property
    def own(self) -> Path:
        """The file or folder that makes this model what it is: its adapter's, if it has one."""
        return self.adapter or self.path

    @property
    def adapters(self) -> tuple[Path, ...]:
        """Every adapter, in the order in which they are added."""
        return (*self.beneath, self.adapter) if self.adapter else ()

    @property
    def size_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What stands in `fireside-model.json`; `files` maps a relative path to its
    `bytes` and `digest` (`sha256:HEX` or `git:HEX`)."""

    name: str
    source: str
    revision: str
    licence: str
    files: Mapping[str, Mapping[str, Any]]

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Raises Corrupt where the manifest is unreadable."""
    try:
        fields = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        manifest = Manifest(**fields)
        if not manifest.files or not isinstance(manifest.name, str):
            raise ValueError
        for name, file in manifest.files.items():
            (folder / name).exists()  # OSError where no file can have this name
            if Path(name).is_absolute() or ".." in Path(name).parts or file["bytes"] < 0:
                raise ValueError
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Corrupt(
            f"{folder / MANIFEST} is damaged: remove the folder and pull the model again."
        ) from None
    return manifest


def locate(name: str, models_dir: Path, *, depth: int = 0) -> LocalModel:
    """The files of a model, without any network call.

    depth: how many adapters have been followed to get here.

    Raises:
        UnknownModel: no such name; the line says which come near.
        NotFound: known but not pulled, or no such path.
        Corrupt: a file is missing or has the wrong size.
    """
    try:
        reference = parse(name)
    except UnknownModel:
        if is_model_folder(Path(name)):  # a run's folder, named without a slash
            return open_path(Path(name), name, models_dir, depth=depth)
        reference = parse(name, known=[model.name for model in installed(models_dir)])
    if reference.path is not None:
        return open_path(reference.path, name, models_dir, depth=depth)
    folder = models_dir / reference.folder
    if not (folder / MANIFEST).exists():
        raise NotFound(
            f"{name} is not on this machine: run `fireside models pull {name}`.", param="model"
        )
    return _from_manifest(folder, reference)


def open_path(path: Path, name: str, models_dir: Path, *, depth: int = 0) -> LocalModel:
    """A GGUF file (or a folder with one), a Hugging Face folder, a run's or an adapter's, by path.

    Raises:
        NotFound: there is nothing, nothing that we read, or no base for the adapter.
        Corrupt: an adapter that does not say whose it is, an index without its shards.
    """
    if path.is_file():
        return LocalModel(name=name, path=path, format="gguf", files=(path,))
    if not path.is_dir():
        raise NotFound(f"There is nothing at {path}: check the path.", param="model")
    if (path / MANIFEST).is_file():
        manifest = read_manifest(path)
        return _from_manifest(path, Reference(name=manifest.name))
    if is_run(path):
        return _from_run(path, name, models_dir, depth)
    if is_adapter(path):
        return _from_adapter(path, name, models_dir, depth)
    return _from_folder(path, name)


def _from_folder(path: Path, name: str) -> LocalModel:
    gguf = list(path.glob("*.gguf"))
    if len(gguf) == 1 and not (path / "config.json").exists():
        return LocalModel(name=name, path=gguf[0], format="gguf", files=(gguf[0],))
    if not (path / "config.json").is_file():
        raise NotFound(
            f"{path} holds no config.json: name a GGUF file or a Hugging Face folder.",
            param="model",
        )
    if not any(path.glob("*.safetensors")):
        raise NotFound(
            f"{path} holds no .safetensors file; Fireside never opens pickled weights (.bin, .pt).",
            param="model",
        )
    files = (path / "config.json", *weight_files(path))
    return LocalModel(name=name, path=path, format="hf", files=files)


def _from_run(run: Path, name: str, models_dir: Path, depth: int) -> LocalModel:
    """A run's result; a checkpoint's tokenizer is the run's."""
    folder = model_of_run(run)
    found = open_path(folder, name, models_dir, depth=depth)
    if not (folder / TOKENIZER).is_file() and (run / "tokenizer" / TOKENIZER).is_file():
        found = replace(found, tokenizer=run / "tokenizer")
    return found


def _from_adapter(folder: Path, name: str, models_dir: Path, depth: int) -> LocalModel:
    if depth == MOST_ADAPTERS:
        raise Corrupt(f"{folder} stands on {depth} other adapters, or on itself: check its base.")
    base_name = base_of(folder)
    try:
        base = locate(_beside(base_name, folder), models_dir, depth=depth + 1)
    except NotFound as missing:
        raise NotFound(
            f"{folder} is an adapter of {base_name}, which is not here: {missing.message}",
            param="model",
        ) from None
    weights = folder / ADAPTER_WEIGHTS
    if not weights.is_file():
        raise NotFound(f"{weights} is missing: the adapter is not whole.", param="model")
    return replace(
        base,
        name=name,
        files=(*base.files, folder / ADAPTER, weights),
        adapter=folder,
        beneath=base.adapters,
        tokenizer=folder if (folder / TOKENIZER).is_file() else base.tokenizer,
    )


def _beside(base: str, adapter: Path) -> str:
    """A base that is named relative to its adapter, as an absolute path; else the name itself."""
    relative = adapter / base
    return str(relative) if base.startswith(".") and relative.exists() else base


def _from_manifest(folder: Path, reference: Reference) -> LocalModel:
    manifest = read_manifest(folder)
    name = reference.name
    if manifest.name != name:
        raise Corrupt(f"{folder} holds {manifest.name!r}, not {name!r}: move it away.")
    files = tuple(folder / file for file in manifest.files)
    for path, expected in zip(files, manifest.files.values(), strict=True):
        if not path.is_file() or path.stat().st_size != expected["bytes"]:
            raise Corrupt(
                f"{path} is missing or cut short: run `fireside models pull {name}` again."
            )
    entry = catalogue().get(name)
    gguf = [path for path in files if path.suffix == ".gguf"]
    if len(gguf) == 1:
        return LocalModel(name=name, path=gguf[0], format="gguf", entry=entry, files=files)
    return LocalModel(name=name, path=folder, format="hf", entry=entry, files=files)


def installed(models_dir: Path) -> list[LocalModel]:
    """Every whole model under `models_dir`, by name; `damaged` says which ones are not."""
    models = (model for model in _pulled(models_dir) if isinstance(model, LocalModel))
    return sorted(models, key=lambda model: model.name)


def damaged(models_dir: Path) -> list[str]:
    """One line for each model under `models_dir` that is not whole."""
    return [str(error) for error in _pulled(models_dir) if isinstance(error, Corrupt)]


def _pulled(models_dir: Path) -> Iterator[LocalModel | Corrupt]:
    for folder in sorted({manifest.parent for manifest in models_dir.glob(f"[!.]*/{MANIFEST}")}):
        try:
            yield _from_manifest(folder, Reference(name=read_manifest(folder).name))
        except Corrupt as error:
            yield error


def remove(name: str, models_dir: Path) -> int:
    """Delete a pulled model; returns the bytes set free.

    Raises:
        BadRequest: a path, which is the user's own.
        NotFound: it is not here.
    """
    reference = parse(name, known=[model.name for model in installed(models_dir)])
    if reference.path is not None:
        raise BadRequest(f"{name} is a path of yours: delete it yourself.", param="model")
    folder = models_dir / reference.folder
    if not folder.is_dir():
        raise NotFound(f"{name} is not on this machine.", param="model")
    freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    # Renamed first: a removal that is cut off leaves no half model under a good name.
    doomed = models_dir / f".removed-{reference.folder}"
    shutil.rmtree(doomed, ignore_errors=True)
    folder.rename(doomed)
    shutil.rmtree(doomed)
    return freed
