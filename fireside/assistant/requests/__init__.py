"""Requests for the tools that are plain enough to be read by rules: no model, no invention.

spelling    a request as it is understood: typing errors of the words that decide, abbreviations
times       the time that a request names, taken out of it
phrases     what people put around a request
plan        what is to be done: calls, a question, or a plain line
events      requests for the calendar
moving      requests to move an event
messages    requests to write to somebody
figures     sums and units
clocks      the clock, and dates
talk        greetings and thanks, and what no tool here can do
reading     a request -> its plan, or None where the rules are not sure
lines       what the model itself may say
guard       a model's call against the words of the request
"""
