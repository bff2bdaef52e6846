"""What a persona can do with the model at hand, measured.

config        `[ability]` of a persona: what its check has to show
checks        the conversations that a persona is checked with
measuring     conversations -> how many went right
scores        what was measured, shipped and in FIRESIDE_HOME
states        score -> good, limited, needs a larger model
afterwards    the check of a model that was just pulled, in the background
"""
