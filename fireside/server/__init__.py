"""HTTP: the OpenAI API, and the page's few extras.

One noun, one router.  Nothing here knows how a model runs or how an answer is composed: this
room turns requests into calls of the rooms below, and events into Server-Sent Events.
"""
