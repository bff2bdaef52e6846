"""What a persona can be for beside talking: summaries, translations, articles, labels.

One file each; every one is a pure function of a text and of an `Ask`, which puts one bounded
question to the model.  They refuse to keep anything and to know who listens.
"""
