"""Ask your own documents: put files into the collection `library`, and ask the persona `reader`.

    python examples/reader.py handbook.pdf notes.md --ask "How many days of holiday do I have?"

Needs `fireside serve` and `pip install openai`.  Prints the answer, the place of each passage that
it cites or depends on, and whether that was verified.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from openai import OpenAI


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--ask", required=True)
    parser.add_argument("--url", default="http://127.0.0.1:8080/v1")
    args = parser.parse_args()
    key = os.environ.get("FIRESIDE_API_KEY", "none")
    client = OpenAI(base_url=args.url, api_key=key)
    stores = [store for store in client.vector_stores.list() if store.name == "library"]
    library = stores[0] if stores else client.vector_stores.create(name="library")
    for path in args.files:
        with path.open("rb") as file:
            read = client.vector_stores.files.upload_and_poll(vector_store_id=library.id, file=file)
        print(f"{path.name}: {read.status} {read.last_error.message if read.last_error else ''}")
    response = client.responses.create(model="persona:reader", input=args.ask)
    print(response.output_text)
    receipt = client.get(f"/responses/{response.id}/receipt", cast_to=dict)
    for step in receipt["steps"]:
        if step["name"] == "citations":
            for one in step["citations"]:
                held = "verified" if one["supported"] else "NOT supported"
                print(f"  [{one['number']}] {one.get('place', 'no such passage')}: {held}")
            for one in step.get("attributed", []):
                print(f"  from {one['place']}, which it does not name")


if __name__ == "__main__":
    main()
