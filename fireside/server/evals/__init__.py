"""`/v1/evals`: questions, answers of a model, and graders over both.

wire      what a client may ask           routes   the endpoints
rows      evals, runs and output items as rows, and how they are shown
source    a run's items, one by one       running  every item once, whatever happens in between
"""
