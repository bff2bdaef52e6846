"""Dialogue management: the state of a conversation, and what a policy says next.

state          goal, slots, open questions, act, mood: one value object per point of the tree
config         the policy: the persona's [dialogue] section
kinds, spans   the values of a slot in a text: by its type, or as free words
acts, intents  what the last turn does; which of the policy's intents it is
extraction     values by the model, masked to words that were said
reading        one turn understood: act, intents, values, each with its reasons
policy         state and reading -> the next state and what to say (forms, corrections, digressions)
handover       when a person takes over, and what that person is told
kept           states in the database, one for each branch of a conversation
chatfile       conversation tests of a team for its own bot (`assistant/rehearsal.py` runs them)
"""
