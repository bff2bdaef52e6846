"""Days in words, read in one place for the forms of a dialogue and for the tools.

vocabulary  the words: months, weekdays, ordinals, numbers
expressions days, and what names them
cursor      a place in a cut text
grammar     an expression at one place of a text -> its days
beside      the words beside an expression that change it
reader      every expression of a text
chinese     the Chinese forms
"""
