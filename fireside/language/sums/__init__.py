"""Sums that a person writes into a text, found and judged.

words       sums in words -> signs ("the square of twelve" -> "12 ^ 2")
tokens      a text cut into numbers, signs and words
statements  each statement with its sides ("7 × 8 = 54")
judging     whether what a statement says is so
answers     a learner's message -> the answer that it gives
"""
