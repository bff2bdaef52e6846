"""The process that opens a stranger's PDF or office file: `python -m fireside.knowledge.child`.

It takes a kind and a path, and writes a JSON line for each block and one that says how it ended.
Memory, processor time and files are limited before the file is opened.  It refuses to import
anything of Fireside but readers, and to write anywhere but to its output.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from fireside.errors import BadRequest, FiresideError, Unsupported
from fireside.knowledge.documents import MOST_CHARACTERS, Block

MEMORY = 2 * 2**30
SECONDS = 120


def limit(memory: int, seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the parent's clock remains
        return
    for what, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(what)
        wanted = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(what, (wanted, most))
    os.nice(10)


def blocks(kind: str, path: Path) -> Iterator[Block]:
    if kind == "pdf":
        from fireside.knowledge.pdf import pdf

        return pdf(path)
    if kind == "html":
        from fireside.knowledge.web import html
        from fireside.knowledge.written import decoded

        return iter(html(decoded(path.read_bytes())))
    from fireside.knowledge import office

    return {"docx": office.docx, "pptx": office.pptx, "xlsx": office.xlsx}[kind](path)


def main() -> None:
    kind, path, memory, seconds = sys.argv[1:5]
    limit(int(memory), int(seconds))
    out = sys.stdout
    try:
        size = 0
        for block in blocks(kind, Path(path)):
            size += len(block.text)
            if size > MOST_CHARACTERS:
                raise BadRequest(
                    f"The document holds more than {MOST_CHARACTERS // 10**6} million characters: "
                    "split it."
                )
            text = block.text.encode("utf-8", "replace").decode().replace("\0", "")
            out.write(json.dumps([text, block.page, block.section]) + "\n")
        end = ["end", "", ""]
    except FiresideError as error:
        code = "unsupported_file" if isinstance(error, Unsupported) else "invalid_file"
        end = ["error", code, error.message]
    except MemoryError:
        end = ["error", "invalid_file", "Reading the file takes too much memory: split it."]
    except RecursionError:
        end = ["error", "invalid_file", "The file is nested too deeply to be read."]
    except Exception as error:  # a library's own, of which there are dozens
        end = ["error", "invalid_file", f"The file is damaged ({type(error).__name__}): it cannot "
               "be read; save it anew with the program that made it."]  # fmt: skip
    out.write(json.dumps(end) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
