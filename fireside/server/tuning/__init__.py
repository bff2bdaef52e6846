"""`/v1/fine_tuning`: jobs, the training room's own runs in a worker process beside the server.

wire           what a client may ask            routes    the endpoints
jobs           a job's row, events, checkpoints: what is asked of it, and how it is shown
training_data  an uploaded file, checked line by line, as the training room reads it
plan           a job as the config of a run
intake         a job before its run: files checked, `auto` settled
foreman        one run at a time: starts it, follows it, stops it, goes on with it after a restart
"""
