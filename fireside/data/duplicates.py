"""Duplicates: the same but for white space, and nearly the same.

Memory: 16 bytes and a set's place per example for the exact ones, about 2 KB for the near ones.
Refuses to say which of two was first anywhere but in the order of reading.
"""

from __future__ import annotations

import hashlib
import re

from fireside.data.extras import needed

PERMUTATIONS = 128
RUN = 5
"""Words that are compared together (Lee et al., arXiv:2107.06499)."""

_WORD = re.compile(r"\w+|[^\w\s]")
# Scripts that do not part words by spaces: each of their characters counts as a word.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f]")


class Exact:
    """Drops what has been seen before, but for white space."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def __call__(self, words: str) -> str | None:
        digest = hashlib.blake2b(
            " ".join(words.split()).encode("utf-8", "surrogatepass"), digest_size=16
        ).digest()
        if digest in self._seen:
            return "duplicate"
        self._seen.add(digest)
        return None


class Near:
    """Drops what MinHash finds as similar as asked to something seen before (Broder, 1997)."""

    def __init__(self, similarity: float) -> None:
        with needed("Finding near duplicates"):
            from datasketch import MinHashLSH

        self._index = MinHashLSH(threshold=similarity, num_perm=PERMUTATIONS)
        self._similarity = similarity
        self._sketches: dict[int, object] = {}

    def __call__(self, words: str) -> str | None:
        from datasketch import MinHash

        runs = shingles(words)
        sketch = MinHash(num_perm=PERMUTATIONS, seed=1)
        sketch.update_batch([run.encode("utf-8", "surrogatepass") for run in runs])
        # The index finds candidates; its false ones are told by the sketches themselves.
        for number in self._index.query(sketch):
            if sketch.jaccard(self._sketches[number]) >= self._similarity:
                return "near duplicate"
        number = len(self._sketches)
        self._sketches[number] = sketch
        self._index.insert(number, sketch)
        return None


def shingles(words: str) -> set[str]:
    """The runs of five words of a text, small letters; of a short text, all of it."""
    parts = _WORD.findall(_UNSPACED.sub(r" \g<0> ", words.lower()))
    if len(parts) <= RUN:
        return {" ".join(parts)}
    return {" ".join(parts[i : i + RUN]) for i in range(len(parts) - RUN + 1)}
