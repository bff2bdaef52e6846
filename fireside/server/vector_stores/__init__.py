"""`/v1/vector_stores`: documents that answers may lean on, as OpenAI's API has them.

It refuses to know how a document is read or a passage is found: that is `fireside.knowledge`.
"""
