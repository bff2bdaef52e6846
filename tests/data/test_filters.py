"""Cleaning: what is dropped, what is taken out, and that it is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.data import Chat, Cleaning, Origin, Report, Text
from fireside.data.duplicates import Exact, Near, shingles
from fireside.data.examples import words_of
from fireside.data.filters import Cleaner, clean
from fireside.data.languages import Languages
from fireside.errors import BadRequest, Unavailable
from fireside.messages import Message, ToolCall

from .laws import LAW

STORY = " ".join(f"word{i % 37} and{i}" for i in range(120))


def kept(texts: list[str], **options: object) -> tuple[list[str], Report]:
    report = Report()
    examples = [Text(text=text, origin=Origin(file="f", line=i)) for i, text in enumerate(texts, 1)]
    cleaner = Cleaner(Cleaning(**options))  # type: ignore[arg-type]
    return [words_of(one) for one in clean(examples, cleaner, report)], report


@LAW
@given(st.lists(st.sampled_from(["a", "b", "a b", "a  b\n", " a b", "c"])))
def test_exact_duplicates_are_the_same_but_for_white_space(texts: list[str]) -> None:
    left, report = kept(texts)
    seen = {" ".join(text.split()) for text in texts}
    assert {" ".join(text.split()) for text in left} == seen
    assert len(left) == len(seen)
    assert len(texts) - len(left) == sum(one.count for one in report.dropped.values())


def test_near_duplicates_are_found_and_others_left() -> None:
    changed = STORY.replace("and60", "but60")
    other = " ".join(f"quite{i} another{i % 5}" for i in range(120))
    left, report = kept([STORY, changed, other], duplicates="near")
    assert left == [STORY, other]
    assert report.dropped["near duplicate"].examples[0]["line"] == 2
    assert kept([STORY, changed], duplicates="exact")[0] == [STORY, changed]


@LAW
@given(st.lists(st.text(alphabet="abc ", max_size=12), max_size=12))
def test_near_duplicates_include_the_exact_ones(texts: list[str]) -> None:
    exact, near = Exact(), Near(0.8)
    for text in texts:
        if exact(text) is not None:
            assert near(text) is not None
        else:
            near(text)


def test_chinese_is_compared_by_its_characters() -> None:
    assert len(shingles("今天天气很好，我们去公园散步吧")) > 5


def test_lengths() -> None:
    left, report = kept(["a", "abc", "abcdefgh"], min_characters=2, max_characters=5)
    assert left == ["abc"]
    assert {reason: one.count for reason, one in report.dropped.items()} == {
        "too short": 1,
        "too long": 1,
    }
    with pytest.raises(BadRequest, match="nothing would be left"):
        Cleaning(min_characters=5, max_characters=4)


def test_languages_keep_theirs_and_what_is_too_short_to_tell() -> None:
    english = "The weather is fine today, and we are going for a walk in the park."
    german = "Das Wetter ist heute schön, und wir gehen im Park spazieren."
    left, report = kept(
        [english, german, "今天天气很好，我们去公园散步吧。", "OK"], languages=("en",)
    )
    assert left == [english, "OK"]
    assert {"language de", "language zh"} == set(report.dropped)
    assert kept([english, german], languages=("de", "en"))[0] == [english, german]
    with pytest.raises(BadRequest, match="no language 'klingon'"):
        Languages(("klingon",))


def test_languages_of_real_sentences(shared_data: Path) -> None:
    lines = (shared_data / "tatoeba_en_zh.tsv").read_text(encoding="utf-8").splitlines()[::90]
    english, chinese = zip(*(line.split("\t")[:2] for line in lines), strict=True)
    wanted = Languages(("en",))
    assert sum(wanted(text) is None for text in english) / len(english) > 0.99
    assert sum(wanted(text) is None for text in chinese) / len(chinese) < 0.01


PERSONAL = {
    "EMAIL_ADDRESS": "jane.doe@example.com",
    "PHONE_NUMBER": "+1 415-555-2671",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN_CODE": "DE89370400440532013000",
    "IP_ADDRESS": "192.168.1.12",
    "US_SSN": "512-34-6789",
    "CRYPTO": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "URL": "https://example.org/a?b=c",
    "MAC_ADDRESS": "00:1A:2B:3C:4D:5E",
}


@pytest.fixture(scope="session")
def redactor() -> object:
    from fireside.data.privacy import Redactor

    return Redactor()


@pytest.mark.parametrize("kind", PERSONAL)
def test_personal_data_is_replaced_by_its_kind(redactor: object, kind: str) -> None:
    text = f"It is {PERSONAL[kind]} for you,\nand nothing else."
    assert redactor.text(text) == f"It is <{kind}> for you,\nand nothing else."  # type: ignore[attr-defined]


def test_ordinary_text_is_left_as_it_is(redactor: object, shared_data: Path) -> None:
    text = (shared_data / "tinyshakespeare.txt").read_text()[:200_000]
    assert redactor.text(text) == text  # type: ignore[attr-defined]
    plain = "In 1984, 3.14159 of 1,000,000 ran.It was 12:30; pages 10-20.\r\nDone"
    assert redactor.text(plain) == plain  # type: ignore[attr-defined]


def test_templates_of_personal_data(redactor: object, shared_data: Path) -> None:
    values = {
        "credit_card_number": PERSONAL["CREDIT_CARD"],
        "email": PERSONAL["EMAIL_ADDRESS"],
        "phone_number": PERSONAL["PHONE_NUMBER"],
        "iban": PERSONAL["IBAN_CODE"],
        "ssn": PERSONAL["US_SSN"],
    }
    tried = 0
    for line in (shared_data / "pii_templates.txt").read_text(encoding="utf-8").splitlines():
        for name, value in values.items():
            if "{{" + name + "}}" in line:
                tried += 1
                filled = line.replace("{{" + name + "}}", value)
                assert value not in redactor.text(filled), filled  # type: ignore[attr-defined]
    assert tried > 20


def test_what_was_redacted_is_told_and_reaches_every_message(redactor: object) -> None:
    mail = PERSONAL["EMAIL_ADDRESS"]
    call = ToolCall(id="1", name="send", arguments=f'{{"to": "{mail}"}}')
    chat = Chat(
        messages=(
            Message(role="user", content=f"write to {mail}"),
            Message(role="assistant", content="", tool_calls=(call,)),
        ),
        origin=Origin(file="f", line=3),
    )
    report = Report()
    (found,) = clean([chat], Cleaner(Cleaning(redact=True)), report)
    assert mail not in words_of(found)
    assert report.changed["redacted"].examples[0]["line"] == 3
    assert mail not in str(report.changed["redacted"].examples)


def test_heavy_libraries_come_only_when_they_are_wanted() -> None:
    heavy = "{'presidio_analyzer', 'datasets', 'datasketch', 'py3langid', 'pyarrow', 'spacy'}"
    code = f"import sys, fireside.data; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("package", "options"),
    [
        ("datasketch", {"duplicates": "near"}),
        ("py3langid", {"languages": ("en",)}),
    ],
)
def test_a_package_that_is_missing_is_one_line(
    monkeypatch: pytest.MonkeyPatch, package: str, options: dict[str, object]
) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Without(package), *sys.meta_path])
    with pytest.raises(
        Unavailable, match=rf"needs the package {package}.*pip install -r .*train\.txt"
    ):
        Cleaner(Cleaning(**options))  # type: ignore[arg-type]


class Without:
    """An import system in which one package is not installed."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] == self._package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=self._package)
