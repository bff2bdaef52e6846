"""How far Fireside's API is OpenAI's: our `/openapi.json` beside OpenAI's public specification.

    python -m scripts.conformance openai_openapi.yaml

The specification is OpenAI's and not part of this repository; its path is an argument.  Both are
read as documents; other tests hold that answers are what the schema says.
"""
