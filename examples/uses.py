"""Every persona that comes with Fireside, at work, through OpenAI's client.

    fireside serve                     # in another terminal; and: pip install openai
    python examples/uses.py            # all of them; a few minutes with the default model
    python examples/uses.py tutor sentiment

Each is `model="persona:NAME"`.  Prints what was said, and in brackets what the receipt has of it
that an answer does not show.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

import httpx
from openai import OpenAI

BEES = """\
Honey bees live in colonies of up to 60,000 workers, one queen and a few hundred drones. In summer
a worker lives for about six weeks; bees that hatch in autumn live for up to six months, because
they keep the colony warm. A worker that has found flowers dances on the comb: the angle of the
dance shows the direction, its length the distance. Bees carry pollen from flower to flower, and
about a third of what people eat depends on that. A colony needs some 20 kilograms of honey for
the winter. Beekeepers take what is more than that, and give sugar in its place where they take
all. The mite Varroa, which came to Europe in 1977, is the greatest danger to colonies today: it
weakens the brood and carries viruses from hive to hive. Farmers help bees with strips of flowers
beside their fields."""
HANDBOOK = "# Holidays\n\nEvery employee has 30 days of holiday a year. Ask for them in April.\n"

USES: dict[str, list[str]] = {
    "support": [
        "My lamp arrived broken, I want my money back",
        "AB-12345",
        "When are you open?",
        "tomorrow",
        "yes",
        "I want to talk to a human",
    ],
    "reader": ["How many days of holiday do I have?"],
    "summariser": [BEES],
    "translator": ["Fireside runs on your own machine."],
    "writer": ["Why bees matter to farmers"],
    "triage": ["Where is my parcel? It should have been here on Monday."],
    "sentiment": ["The film was a waste of two hours.", "A warm, funny, clever film."],
    "secretary": ["What is 17% of 240?", "When am I free tomorrow?"],
    "tutor": ["Help me to practise. 7 × 8 = 54", "Ah, 7 × 8 = 56!"],
    "storyteller": ["Yes, tell me a story", "I am Mira", "in Old Harbour", "the silver key"],
}
LIBRARY = "library"  # the collection that the persona `reader` answers from


def noticed(receipt: dict[str, Any]) -> list[str]:
    """Of a receipt, what is worth a line."""
    told = [f"{run['name']}({run['arguments']})" for run in receipt.get("tools", [])]
    told += [f"[{one['number']}] {one['filename']}" for one in receipt.get("sources", [])]
    for step in receipt["steps"]:
        match step["name"]:
            case "dialogue":
                told.append(f"{step['did']}; new: {', '.join(step['new_slots']) or 'nothing'}")
                told += [f"for the colleague: {step['summary']}"] if "summary" in step else []
            case "task":
                skipped = ("stage", "name", "ms", "kind")
                told.append(", ".join(f"{k} {v}" for k, v in step.items() if k not in skipped))
            case "practice":
                told += step["progress"]
            case "mood":
                told.append(f"mood {step['label']}")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("personas", nargs="*", metavar="PERSONA", help=", ".join(USES))
    parser.add_argument("--url", default="http://127.0.0.1:8080/v1")
    args = parser.parse_args()
    if unknown := set(args.personas) - USES.keys():
        parser.error(f"there is no example of {', '.join(unknown)}: choose of {', '.join(USES)}")
    key = os.environ.get("FIRESIDE_API_KEY", "none")
    client = OpenAI(base_url=args.url, api_key=key, timeout=600)
    for name in args.personas or USES:
        if name == "reader" and LIBRARY not in [each.name for each in client.vector_stores.list()]:
            library = client.vector_stores.create(name=LIBRARY)
            client.vector_stores.files.upload_and_poll(
                vector_store_id=library.id, file=("handbook.md", HANDBOOK.encode())
            )
        conversation = client.conversations.create()
        for said in USES[name]:
            response = client.responses.create(
                model=f"persona:{name}", input=said, conversation=conversation.id,
                max_output_tokens=200,
            )  # fmt: skip
            receipt = httpx.get(
                f"{args.url}/responses/{response.id}/receipt",
                headers={"Authorization": f"Bearer {key}"},
                timeout=60,
            ).json()
            print(f"you: {said.splitlines()[0]}\n{name}: {response.output_text}")
            for line in noticed(receipt):
                print(f"  ({line})")
        print(flush=True)


if __name__ == "__main__":
    main()
