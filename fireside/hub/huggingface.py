"""Models of the Hugging Face Hub: one GGUF file, or the safetensors folder of a repository.

The Hub's own metadata says the revision, the files, their sizes and their hashes (SHA-256 of large
files, git's hash of small ones); every file is checked against it.  A file that was cut off goes
on from where it stopped.  `huggingface_hub` finds the address (`HF_ENDPOINT`), the token and the
retries; its own download function is not used, because since 2.0 it throws unfinished files away.

Refuses pickles: only configuration, tokenizer and safetensors files are ever fetched.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fireside.errors import BadRequest, Corrupt, FiresideError, NotFound, Unavailable
from fireside.hub.catalogue import Entry
from fireside.hub.local import Manifest
from fireside.hub.progress import Progress
from fireside.hub.reference import HubSource
from fireside.hub.staging import Staging, WantedFile, check_space, described

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

INFO_SECONDS = 20.0
GLANCE_SECONDS = 3.0  # for a person who waits for the first screen
# The whole folder: the root's configuration, tokenizer and weights, and what a sentence encoder
# needs.  `consolidated.safetensors` and `original/` hold the same weights once more.
_FOLDER = re.compile(
    r"config\.json|generation_config\.json|tokenizer\.json|tokenizer_config\.json|"
    r"tokenizer\.model|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|"
    r"chat_template\.(jinja|json)|additional_chat_templates/[\w.-]+\.jinja|"
    r"model\.safetensors(\.index\.json)?|[\w-]+-\d{5}-of-\d{5}\.safetensors|sentence_bert_config\.json|modules\.json|"
    r"config_sentence_transformers\.json|1_Pooling/config\.json"
)
_SHARDS = re.compile(r"model\.safetensors\.index\.json|[\w-]+-\d{5}-of-\d{5}\.safetensors")


def pull_from_hub(
    name: str,
    entry: Entry | None,
    source: HubSource,
    place: Staging,
    progress: Progress,
    endpoint: str | None = None,
) -> Manifest:
    """Bring a repository's files, checked, into the staging folder.

    Raises:
        NotFound: no such repository or file.
        Unavailable: no network, no access, no room.
        Corrupt: bytes that do not match the Hub's hash.
    """
    progress(f"asking for {source.repository}", 0, 0)
    info = _asked(source, lambda: _info(source, endpoint))
    wanted = _wanted(info, source)
    missing = [file for file in wanted if not place.has(file)]
    total = sum(file.bytes for file in wanted)
    meter = Meter(progress, total - sum(file.bytes for file in missing), total)
    partial = sum(place.part(f).stat().st_size for f in missing if place.part(f).exists())
    check_space(place.target.parent, sum(file.bytes for file in missing) - partial)
    for file in missing:
        meter.text = f"fetching {file.path}"
        ask = _Download(file, info, source, place, meter, endpoint)
        resumed = place.part(file).exists()
        _asked(source, ask)
        progress(f"checking {file.path}", meter.finished + file.bytes, total)
        try:
            place.accept(place.part(file), file, source.repository)
        except Corrupt:
            if not resumed:
                raise
            # What a former try left behind may have been bad: once more, from the first byte.
            _asked(source, ask)
            place.accept(place.part(file), file, source.repository)
        meter.finished += file.bytes
    return Manifest(
        name=name,
        source=f"hf:{source.repository}",
        revision=str(info.sha),
        licence=entry.licence if entry else _licence(info),
        files=described(wanted),
    )


def is_published(source: HubSource, endpoint: str | None = None) -> bool:
    """Whether the Hub answers soon and has the repository."""
    try:
        _asked(source, lambda: _info(source, endpoint, GLANCE_SECONDS))
    except FiresideError:
        return False
    return True


@dataclass(slots=True)
class Meter:
    """Turns the library's progress bar, one per file, into ours, one per model."""

    progress: Progress
    finished: int
    total: int
    text: str = ""
    current: int = 0

    def bar(self, *, initial: int = 0, **_: object) -> Self:
        self.current = initial
        self.update(0)
        return self

    def update(self, count: int) -> None:
        self.current += count
        self.progress(self.text, self.finished + self.current, self.total)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.current = 0


def _info(source: HubSource, endpoint: str | None, seconds: float = INFO_SECONDS) -> ModelInfo:
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint).model_info(
        source.repository, files_metadata=True, timeout=seconds
    )


@dataclass(frozen=True, slots=True)
class _Download:
    """One file at the revision that `info` named, going on where a former try stopped."""

    file: WantedFile
    info: ModelInfo
    source: HubSource
    place: Staging
    meter: Meter
    endpoint: str | None

    def __call__(self) -> None:
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get, logger
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        url = hf_hub_url(
            self.source.repository,
            self.file.path,
            revision=self.info.sha,
            endpoint=self.endpoint,
        )
        # It warns of every cut that it mends, in two lines with the whole address, over our bar.
        logger.disabled = True
        try:
            with self.place.part(self.file).open("ab") as target:
                if target.tell() > self.file.bytes:
                    target.truncate(0)
                http_get(
                    url,
                    target,
                    resume_size=target.seek(0, 2),
                    headers=build_hf_headers(),
                    expected_size=self.file.bytes,
                    displayed_filename=self.file.path,
                    tqdm_class=self.meter.bar,  # type: ignore[arg-type]
                )
        finally:
            logger.disabled = False


def _wanted(info: ModelInfo, source: HubSource) -> list[WantedFile]:
    siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}
    if source.file is not None:
        if source.file not in siblings:
            raise NotFound(
                f"{source.repository} holds no {source.file}: {_offer(source, siblings)}",
                param="model",
            )
        return [_described(siblings[source.file], source)]
    chosen = [name for name in siblings if _FOLDER.fullmatch(name)]
    if "config.json" not in chosen or not any(name.endswith(".safetensors") for name in chosen):
        raise BadRequest(
            f"{source.repository} is no safetensors folder: {_offer(source, siblings)}",
            param="model",
        )
    if "model.safetensors.index.json" not in chosen and "model.safetensors" not in chosen:
        raise BadRequest(f"{source.repository} has shards and no index.", param="model")
    if "model.safetensors" in chosen:  # it counts, and shards beside it are old ones
        chosen = [name for name in chosen if not _SHARDS.fullmatch(name)]
    return [_described(siblings[name], source) for name in sorted(chosen)]


def _offer(source: HubSource, names: Iterable[str]) -> str:
    found = sorted(name for name in names if name.endswith(".gguf"))
    if not found:
        return "Fireside reads .gguf and .safetensors, and it has none that fits."
    some = ", ".join(found[:6]) + (" ..." if len(found) > 6 else "")
    return f"name one of its files, as in hf:{source.repository}:{found[0]}. It has {some}"


def _described(sibling: RepoSibling, source: HubSource) -> WantedFile:
    lfs, size = sibling.lfs, sibling.size
    if size is None or not (lfs or sibling.blob_id):
        raise Unavailable(
            f"{source.repository}: the Hub gives no size or hash of {sibling.rfilename}; "
            "try again later."
        )
    digest = f"sha256:{lfs.sha256}" if lfs else f"git:{sibling.blob_id}"
    if not re.fullmatch(r"sha256:[0-9a-f]{64}|git:[0-9a-f]{40}", digest) or size < 0:
        raise Unavailable(f"{source.repository}: the Hub's answer makes no sense: {digest[:80]!r}.")
    return WantedFile(path=sibling.rfilename, bytes=size, digest=digest)


def _licence(info: ModelInfo) -> str:
    card = info.card_data
    if not card:
        return "unknown"
    # Licences that the Hub has no word for are "other", and named beside it.
    words = (card.get("license_name"), card.get("license"))
    return next((word for word in words if isinstance(word, str) and word), "unknown")


def _asked(source: HubSource, ask: Callable[[], Any]) -> Any:
    """Ask the Hub, and turn what goes wrong into one line.

    The library changes its HTTP client (requests, httpx, httpx2) and with it the errors; so all
    that is no `FiresideError`, no full disk and not among the named ones counts as the network.
    """
    from huggingface_hub import errors

    where = source.repository
    try:
        return ask()
    except FiresideError:
        raise
    except errors.GatedRepoError:
        raise Unavailable(
            f"{where} asks you to accept its licence first: do so on its page, then set HF_TOKEN."
        ) from None
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
        raise NotFound(
            f"The Hub has no public repository {where}: check the name, or set HF_TOKEN if it is "
            "private.",
            param="model",
        ) from None
    except errors.EntryNotFoundError:
        raise NotFound(f"{where} has lost a file while it was fetched: pull again.") from None
    except errors.OfflineModeIsEnabled:
        raise Unavailable(
            f"{where} is not on this machine and HF_HUB_OFFLINE forbids to fetch it."
        ) from None
    except errors.HfHubHTTPError as error:
        raise Unavailable(f"The Hub refused {where}: {_line(error)}. Try again later.") from None
    except OSError as error:
        if error.filename is not None or error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
            raise  # the disk's: `staging` says it
        raise Unavailable(f"{where} broke off: {_line(error)}. Pull again to go on.") from None
    except Exception as error:
        raise Unavailable(
            f"The Hub cannot be reached for {where} ({_line(error)}): check the network and pull "
            "again; what has come is kept."
        ) from None


def _line(error: Exception) -> str:
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return (text or type(error).__name__)[:160].rstrip(".")
