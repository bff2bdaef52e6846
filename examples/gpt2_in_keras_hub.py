"""A GPT-2 of ours in KerasHub on TensorFlow.

    fireside models export RUN --format hf --out exported     (a run of `pretrain --family gpt2`)
    pip install keras-hub tensorflow-cpu                      (in an environment of its own: 2 GB)
    python examples/gpt2_in_keras_hub.py exported "First Citizen:"

KerasHub reads the same folder that transformers and Fireside read: config.json, model.safetensors,
vocab.json and merges.txt.  The script continues a text with both, greedily, where Fireside is there
to compare.  It is no part of the tests: TensorFlow is larger than everything else together.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

LENGTH = 50


def with_keras(folder: Path, prompt: str) -> str:
    """Prompt and answer, of LENGTH tokens together."""
    import keras_hub

    # KerasHub's GPT-2 has an MLP of four times the width, as GPT-2 has and `pretrain` makes.
    model = keras_hub.models.GPT2CausalLM.from_preset(str(folder.resolve()))
    model.preprocessor.add_start_token = False  # else it begins with <|endoftext|>, as GPT-2 may
    model.compile(sampler="greedy")
    return str(model.generate(prompt, max_length=LENGTH))


def with_fireside(folder: Path, prompt: str) -> str:
    """The same by Fireside's own model, in float32."""
    import torch

    from fireside.hub import locate
    from fireside.model.load import load_model
    from fireside.model.tokenizer import load_tokenizer

    local = locate(str(folder.resolve()), folder)
    model, tokenizer = load_model(local), load_tokenizer(local)
    ids = tokenizer.encode(prompt)
    with torch.no_grad():
        while len(ids) < LENGTH:
            following = int(model(torch.tensor([ids]))[0, -1].argmax())
            if following in tokenizer.eos_ids:
                break
            ids.append(following)
    return tokenizer.decode(ids)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, prompt = Path(sys.argv[1]), sys.argv[2]
    theirs = with_keras(folder, prompt)
    print("KerasHub:", theirs)
    try:
        ours = with_fireside(folder, prompt)
    except ImportError:
        print("(Fireside is not installed here: nothing to compare with.)")
        return
    print("Fireside:", ours)
    # KerasHub counts one more than it writes.
    sys.exit(0 if len(theirs) > len(prompt) and ours.startswith(theirs) else "They differ.")


if __name__ == "__main__":
    main()
