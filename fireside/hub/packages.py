"""The command that brings packages which a plain installation leaves out.

In a checkout that is the list of exact versions beside the code; elsewhere the package's extra.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import fireside


def training_packages() -> str:
    """What installs the packages of training, reading Parquet and exporting, into this Python."""
    pip = f"{shlex.quote(sys.executable)} -m pip install"
    listed = Path(fireside.__file__).resolve().parent.parent / "requirements" / "train.txt"
    if listed.is_file():
        return f"{pip} -r {shlex.quote(str(listed))}"
    return f"{pip} 'fireside[train]'"
