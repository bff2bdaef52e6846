"""What of the best sentence is shown: sure, unsure, or that the documents do not say."""

from __future__ import annotations

import pytest

from fireside.assistant.exchange import Source
from fireside.assistant.extracting import extract_of, reply_of
from fireside.knowledge.answers.reader import by_words
from fireside.language.sentences import sentence_spans

PARK = "公园全年开放，不收门票。园内的湖面积约为十二公顷，深三米。周末有音乐会。"


@pytest.mark.parametrize(
    ("question", "state", "line"),
    [
        ("园内的湖面积有多大？", "unsure", "园内的湖面积约为十二公顷，深三米。"),
        ("谁是法国现任的总统先生？", "nothing", "文档中没有说明。"),
    ],
)
def test_an_answer_by_shared_words_is_never_sure(question: str, state: str, line: str) -> None:
    source = Source(number=1, text=PARK, file_id="file-1", filename="公园.txt", score=0.5)
    extract = extract_of(by_words(question, [PARK], [sentence_spans(PARK)]), [source])
    assert extract.state == state
    assert line in reply_of(extract, question, "en")
