"""A question and passages to the sentence that answers it, or to none.

`reader.py` is the door: `AnswerReader.read`.  Nothing is written by a model: what comes out stands
in a passage, letter by letter.
"""
