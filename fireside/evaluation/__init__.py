"""Weights to scores.

tasks          what is asked, as data (tasks.toml, or a file of yours)
rows, prompts  a data file to rows; rows to questions, with examples and in chat form
evaluated      a model under test
loglikelihood  how likely is this after that?  branches: how the asking is shared
choice, classification, continuation, generation, translation, perplexity, bias    the kinds
scores         a figure with its standard error; compare: two models on the same items
results        all of it; report, page, plots: a page to look at
"""

from fireside.evaluation.evaluated import Evaluated
from fireside.evaluation.results import Evaluation, Result, evaluate, evaluations
from fireside.evaluation.scores import Score
from fireside.evaluation.tasks import Task, known_tasks, select

__all__ = [
    "Evaluated",
    "Evaluation",
    "Result",
    "Score",
    "Task",
    "evaluate",
    "evaluations",
    "known_tasks",
    "select",
]
