"""hub: names to files.

    name -> `locate` -> LocalModel -> `gguf.open_gguf` or `safetensors.open_safetensors`

Only `pull` ever uses the network, and nothing here imports torch before a tensor is asked for.
"""

from fireside.hub.catalogue import Entry, recommend
from fireside.hub.local import LocalModel, installed, locate, remove

__all__ = ["Entry", "LocalModel", "installed", "locate", "recommend", "remove"]
