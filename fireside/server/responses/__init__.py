"""`/v1/responses` and `/v1/conversations`: answers with a state, as OpenAI specifies them.

`wire`, `item_wire`, `tools` what a client may send · `items` the pieces of a conversation ·
`messages` what the model reads of them · `context` the prompt, and whether it fits · `search` the
passages before it · `start` a request to a run · `run` an answer being made · `reply` its events
and its object · `state` the rows · `background` and `socket` two ways to wait · `routes` and
`conversations` the endpoints · `group` all of it put together.
"""
