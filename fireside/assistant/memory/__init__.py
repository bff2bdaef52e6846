"""What is remembered of a person from one conversation to the next: facts, each with its source.

`Memories` keeps them, `facts.py` finds them in what a person says, `config.py` is the policy.
Nothing is imported here: a persona's file needs the policy alone.
"""
