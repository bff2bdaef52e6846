"""Laws of marked text: it is the plain text, and every character keeps its own label."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fireside.tokenizer import provenance
from fireside.tokenizer.provenance import INPUT, TEMPLATE, UNKNOWN, Marked, mark, runs_of

LABELS = [UNKNOWN, TEMPLATE, INPUT, provenance.from_message(0), provenance.from_message(3)]
TEXT = st.text(alphabet="ab <|>\n\r\u2028ß", max_size=8)
MARKED = st.lists(st.tuples(TEXT, st.sampled_from(LABELS)), max_size=4).map(
    lambda parts: provenance.concat(mark(text, label) for text, label in parts)
)
ANY = MARKED | TEXT


def labelled(text: str) -> list[tuple[str, int]]:
    """The slow and obvious form: each character with its label."""
    pairs: list[tuple[str, int]] = []
    for end, label in runs_of(text):
        pairs += [(one, label) for one in "".join((text,))[len(pairs) : end]]
    assert "".join(one for one, _ in pairs) == text
    return pairs


def in_order(whole: str, parts: list[Marked]) -> None:
    """Each part is a piece of the whole, label by label, one after another."""
    rest = labelled(whole)
    for part in parts:
        want = labelled(part)
        at = next(i for i in range(len(rest) + 1) if rest[i : i + len(want)] == want)
        rest = rest[at + len(want) :]


@given(ANY, ANY)
def test_adding_keeps_both(left: str, right: str) -> None:
    assert labelled(provenance.concat((left, right))) == labelled(left) + labelled(right)
    if isinstance(left, Marked) or isinstance(right, Marked):
        assert labelled(left + right) == labelled(left) + labelled(right)


@given(
    MARKED,
    st.integers(-9, 9) | st.none(),
    st.integers(-9, 9) | st.none(),
    st.sampled_from([1, 1, 2, -1]),
)
def test_slices_keep_their_labels(
    text: Marked, start: int | None, stop: int | None, step: int
) -> None:
    assert labelled(text[start:stop:step]) == labelled(text)[start:stop:step]
    assert [labelled(one) for one in text] == [[pair] for pair in labelled(text)]


@given(MARKED, TEXT.filter(bool) | st.none())
def test_stripping_cuts_the_ends(text: Marked, chars: str | None) -> None:
    plain = "".join((text,))
    for name in ("strip", "lstrip", "rstrip"):
        got = getattr(text, name)(chars)
        assert got == getattr(plain, name)(chars)
        in_order(text, [got])
    start = len(plain) - len(plain.lstrip(chars))
    assert labelled(text.lstrip(chars)) == labelled(text)[start:]
    assert labelled(text.rstrip(chars)) == labelled(text)[: len(plain.rstrip(chars))]


@given(MARKED, TEXT.filter(bool) | st.none(), st.integers(-1, 2))
def test_splitting_gives_pieces_of_the_whole(text: Marked, sep: str | None, limit: int) -> None:
    plain = "".join((text,))
    for name in ("split", "rsplit"):
        got = getattr(text, name)(sep, limit)
        assert got == getattr(plain, name)(sep, limit)
        in_order(text, got)
        if sep is not None:
            rejoined = labelled(provenance.join(mark(sep, 99), got))
            assert all(
                new in (old, (old[0], 99))
                for old, new in zip(labelled(text), rejoined, strict=True)
            )
    for keepends in (False, True):
        assert text.splitlines(keepends) == plain.splitlines(keepends)
        in_order(text, text.splitlines(keepends))


@given(MARKED, TEXT.filter(bool))
def test_partition_loses_nothing(text: Marked, sep: str) -> None:
    plain = "".join((text,))
    assert text.partition(sep) == plain.partition(sep)
    assert text.rpartition(sep) == plain.rpartition(sep)
    assert labelled(provenance.concat(text.partition(sep))) == labelled(text)
    assert labelled(provenance.concat(text.rpartition(sep))) == labelled(text)


@given(MARKED, TEXT, MARKED, st.integers(-1, 2))
def test_replacing_is_trusted_only_where_it_was(
    text: Marked, old: str, new: Marked, count: int
) -> None:
    got = text.replace(old, new, count)
    assert got == "".join((text,)).replace(old, new, count)
    trusted = sum(label == TEMPLATE for _, label in labelled(got))
    known = sum(label == TEMPLATE for _, label in labelled(text))
    assert trusted <= known + sum(label == TEMPLATE for _, label in labelled(new)) * (len(text) + 1)
    if not any(label == TEMPLATE for _, label in labelled(text) + labelled(new)):
        assert trusted == 0


@given(MARKED)
def test_changing_case_trusts_nothing_new(text: Marked) -> None:
    for name in ("upper", "lower", "title", "capitalize"):
        got = getattr(text, name)()
        if name != "lower":  # run by run, a final sigma stays a middle one
            assert got == getattr("".join((text,)), name)()
        if not any(label & TEMPLATE for _, label in labelled(text)):
            assert not any(label & TEMPLATE for _, label in labelled(got))


@given(MARKED)
def test_it_is_an_ordinary_text_to_everyone_else(text: Marked) -> None:
    plain = "".join((text,))
    assert type(plain) is str
    assert text == plain
    assert hash(text) == hash(plain)
    assert {text: 1}[plain] == 1
    assert str(text) is text
    assert text.removeprefix("a") == plain.removeprefix("a")
    assert text.removesuffix("a") == plain.removesuffix("a")


@given(st.text(max_size=5), st.lists(MARKED, max_size=3))
def test_what_is_not_followed_is_never_trusted(made: str, sources: list[Marked]) -> None:
    got = provenance.derived(made, [*sources, 3, None, {"a": sources}])
    assert got == made
    assert not any(label & TEMPLATE for _, label in runs_of(got))


def test_what_came_from_one_message_stays_its_own() -> None:
    one = mark("a", provenance.from_message(1))
    assert runs_of(provenance.derived("xyz", [one, one])) == ((3, provenance.from_message(1)),)
    assert runs_of(provenance.derived("xyz", [one, mark("b", INPUT)])) == ((3, INPUT),)
    assert runs_of(provenance.derived("xyz", [one, mark("b", TEMPLATE)])) == ((3, UNKNOWN),)
    assert runs_of(provenance.derived("xyz", [])) == ((3, UNKNOWN),)
    assert provenance.message_of(provenance.from_message(7)) == 7
    assert provenance.message_of(INPUT) is None
    assert provenance.message_of(TEMPLATE) is None
