"""GGUF files with changed bytes: the native core packs them within bounds, or refuses them."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest
from hypothesis import HealthCheck, given, settings

from fireside.engine.native import choice
from fireside.engine.native.packing import pack_model, why_not_packed
from fireside.errors import FiresideError
from fireside.model.config import config_of
from tests.hub.test_gguf import mutated, mutations
from tests.model.gguf_file import write_gguf
from tests.model.reference import local

from .test_native_packing import made

pytestmark = pytest.mark.skipif(
    bool(choice.why_not_loaded()), reason="the native core is not built: python native/build.py"
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("sound") / "model.gguf"
    write_gguf(made(), file, gguf.GGMLQuantizationType.Q4_0)
    return file.read_bytes()


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=mutations)
def test_a_mutated_file_is_packed_within_its_bounds_or_refused(
    sound: bytes, tmp_path: Path, changes: list[tuple[str, float, int]]
) -> None:
    library = choice.the_library()
    file, path = tmp_path / "mutated.gguf", tmp_path / "mutated.native"
    file.write_bytes(mutated(sound, changes))
    path.unlink(missing_ok=True)
    try:
        if why_not_packed(config_of(local(file))):
            return
        packed = pack_model(library, local(file), path)
    except FiresideError:
        assert not list(tmp_path.glob("*.native*"))
        return
    for part in packed.parts.values():
        size = 4 * part.outputs
        if part.kind >= 0:
            size = library.fireside_packed_bytes(part.kind, part.outputs, part.inputs)
        assert part.offset + size <= len(packed.data)
