"""Days in words, read in one place for the forms of a dialogue and for the tools.

vocabulary  the words: months, weekdays, ordinals, numbers
grammar     an expression at one place of a text -> its days
reader      every expression of a text, with the words beside it that change it
chinese     the Chinese forms
"""
