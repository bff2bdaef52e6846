"""Data to weights: one loop, many objectives, always resumable.

loop           the textbook's seven steps
objective      what the loop asks of an objective; objectives/ has one file and one loss for each
cross_entropy  the loss at the head of the model, logits never whole
optimisers     AdamW, and Muon for the matrices; schedules: step -> factor; ema: the slow copy
plan           how long, how often, how precisely; state: what a run carries from step to step
checkpoint     state to disk, whole or not at all, and back bit for bit
world          how many ranks, and how they add up
"""
