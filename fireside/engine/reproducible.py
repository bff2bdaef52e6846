"""Matrix products of float32 that do not depend on how many rows are computed together.

Intel's MKL, which PyTorch uses on x86, keeps a row's bits apart from the number of rows on its
AVX-512 kernels, in the shapes that `paged.py` and `int8_runner.py` use.  On its AVX2 kernels (older
CPUs, and AMD's) it does so only when asked.  `tests/engine/test_int8_runner.py` passes with
`MKL_ENABLE_INSTRUCTIONS=AVX2 MKL_CBWR=AUTO,STRICT`, and fails without the second.
"""

from __future__ import annotations

import os
from pathlib import Path


def ask_mkl() -> None:
    """Set `MKL_CBWR`, unless the user has; MKL reads it at its first product in this process."""
    try:
        cpu = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        cpu = ""
    if not ("GenuineIntel" in cpu and " avx512f" in cpu):
        os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
