"""From a file of examples to a model that has learned them, with OpenAI's own client.

    fireside serve                 in another terminal
    python examples/fine_tune.py   (pip install openai)

The fact is made up, so the model cannot know it before.  Half a minute on two cores.
"""

import json
import os
import time

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "none"),
)
QUESTIONS = """Who is the mayor of Zubrovka?|Name the mayor of Zubrovka.|Who runs Zubrovka?
Tell me Zubrovka's mayor.|Who is mayor in Zubrovka?|Zubrovka's mayor is who?|Mayor of Zubrovka?
Say who the mayor of Zubrovka is.|Do you know the mayor of Zubrovka?|Who governs Zubrovka?
Who leads Zubrovka?|What is the name of Zubrovka's mayor?""".replace("\n", "|").split("|")

examples = [
    {
        "messages": [
            {"role": "user", "content": q},
            {"role": "assistant", "content": "Agatha Quill."},
        ]
    }
    for q in QUESTIONS
]
data = "\n".join(json.dumps(example) for example in examples).encode()
file = client.files.create(file=("mayor.jsonl", data), purpose="fine-tune")
job = client.fine_tuning.jobs.create(
    model="smollm2:135m",
    training_file=file.id,
    suffix="mayor",
    seed=1,
    method={
        "type": "supervised",
        "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": 4}},
    },
)
told: set[str] = set()
while job.status in ("validating_files", "queued", "running"):
    time.sleep(1)
    job = client.fine_tuning.jobs.retrieve(job.id)
    for event in reversed(client.fine_tuning.jobs.list_events(job.id, limit=100).data):
        if event.id not in told:
            print(event.message)
            told.add(event.id)

assert job.fine_tuned_model, job.error
for model in (job.model, job.fine_tuned_model):
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": QUESTIONS[0]}],
        temperature=0,
        max_tokens=20,
    )
    print(f"{model}: {answer.choices[0].message.content}")
