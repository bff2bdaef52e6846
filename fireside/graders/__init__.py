"""Graders: an answer to a number, as the OpenAI API describes them.

kinds        what a client may send: string check, text similarity, score model, label model, multi
templates    `{{item.x}}` and `{{sample.output_text}}`, filled in once and never run
formula      a multi grader's arithmetic      similarity   two texts to a number from 0 to 1
scoring      the graders that need no model; those that do are asked for by the server
"""
