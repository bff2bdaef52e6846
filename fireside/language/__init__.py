"""What a text says in plain words: its sentences, days, hours, numbers, sums, units, language.

One reader for each, used by tools, forms, memory, citations and safety.  Nothing here asks a model.

sentences        where sentences begin and end; numbers and names in them
dates            expressions for days ("3 days before Friday") in a text
days, times, numbers   mentions of a day, an hour, a number, for the slots of a form
moments, hours   a whole phrase ("next Tuesday at noon") as a moment against a clock
arithmetic       an expression as an exact number
sums             sums that a person states in a text, judged
units            units of measure
assent           yes or no to "is that right?"
identification   the language that a text is written in
text_units       words, ideographs and pictures, counted
"""
