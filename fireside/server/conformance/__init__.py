"""How far Fireside's API is OpenAI's: our `/openapi.json` beside OpenAI's public specification.

    python -m fireside.server.conformance openai_openapi.yaml

The specification is OpenAI's and not part of this repository; its path is an argument.  It reads
two documents and refuses to ask any server: that answers are what the schema says is tested
elsewhere.
"""
