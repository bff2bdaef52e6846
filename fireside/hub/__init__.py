"""hub: names to files.

    name -> `locate` -> LocalModel -> `gguf.open_gguf` or `safetensors.open_safetensors`

Only `pull` and `can_be_pulled` use the network, and nothing here imports torch before a tensor is
asked for.
"""

from fireside.hub.catalogue import Entry, recommend
from fireside.hub.description import Description, describe
from fireside.hub.download import bytes_waiting, can_be_pulled, discard, pull
from fireside.hub.local import LocalModel, damaged, installed, locate, remove
from fireside.hub.progress import Progress

__all__ = [
    "Description",
    "Entry",
    "LocalModel",
    "Progress",
    "bytes_waiting",
    "can_be_pulled",
    "damaged",
    "describe",
    "discard",
    "installed",
    "locate",
    "pull",
    "recommend",
    "remove",
]
