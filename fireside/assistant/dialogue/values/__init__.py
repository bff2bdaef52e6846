"""Words to normal forms, by parsers that take only what stands in the text.

found      a value, its normal form and its place
numbers, dates, times    by grammar, English and Chinese
kinds      a slot's type -> its parser
"""
