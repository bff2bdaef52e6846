"""How text is cut before byte-pair merging: `tokenizer.ggml.pre` by name.

A GGUF names its scheme instead of carrying it.  Each entry restores what the model's own
`tokenizer.json` says; regular expressions are those files' own, quoted with the merges they were
learned with.  An unknown name is an error, never a guess: a wrong cut gives wrong ids for ordinary
text, and the answers get worse without a word.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Regex, pre_tokenizers

from fireside.errors import Unsupported

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = (
    CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = (
    CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN35 = (
    CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    + CONTRACTIONS
    + r"?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    + CONTRACTIONS
    + r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK_V3 = (
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"""
    r"|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTokenization:
    """One way to cut.

    splits: regular expressions, each cutting the pieces that the one before left.
    gpt2: then GPT-2's own expression, which `tokenizers` has built in.
    digits: first, every digit stands alone.
    nfc: the text is composed (Unicode NFC) before anything else.
    whole_words: a piece that is a token as it stands needs no merges (Llama 3's `ignore_merges`).
    """

    splits: tuple[str, ...] = ()
    gpt2: bool = False
    digits: bool = False
    nfc: bool = False
    whole_words: bool = False

    def build(self) -> pre_tokenizers.PreTokenizer:
        steps: list[pre_tokenizers.PreTokenizer] = []
        if self.digits:
            steps.append(pre_tokenizers.Digits(individual_digits=True))
        steps.extend(pre_tokenizers.Split(Regex(split), "isolated") for split in self.splits)
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=self.gpt2))
        return pre_tokenizers.Sequence(steps)


_LLAMA3 = PreTokenization(splits=(LLAMA3,), whole_words=True)
_LLAMA3_MERGED = PreTokenization(splits=(LLAMA3,))
_GPT2 = PreTokenization(gpt2=True)
_DIGITS_GPT2 = PreTokenization(digits=True, gpt2=True)
_QWEN2 = PreTokenization(splits=(QWEN2,), nfc=True)
_GPT4O = PreTokenization(splits=(GPT4O,))

BY_NAME: dict[str, PreTokenization] = {
    # What llama.cpp itself does with a file whose scheme its converter did not know.
    "default": PreTokenization(
        splits=(
            r"[\p{P}\$\+<=>\^~\|]+",
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
            r"\p{N}+",
            r"[0-9][0-9][0-9]",
        )
    ),
    "gpt-2": _GPT2,
    "gpt2": _GPT2,
    "phi-2": _GPT2,
    "jina-v2-code": _GPT2,
    "roberta-bpe": _GPT2,
    # transformers reads these files without the digits step that SmolLM2's own tokenizer.json has;
    # our law is to agree with it.  They differ only where a number follows two spaces or more.
    "smollm": _GPT2,
    "starcoder": _DIGITS_GPT2,
    "refact": _DIGITS_GPT2,
    "codeshell": _DIGITS_GPT2,
    "command-r": PreTokenization(digits=True, gpt2=True, nfc=True),
    "llama-bpe": _LLAMA3,
    "llama3": _LLAMA3,
    "llama-v3": _LLAMA3,
    "falcon3": _LLAMA3,
    "falcon-h1": _LLAMA3,
    "lfm2": _LLAMA3,
    "midm-2.0": _LLAMA3,
    "dbrx": _LLAMA3_MERGED,
    "smaug-bpe": _LLAMA3_MERGED,
    "glm4": _LLAMA3_MERGED,
    "chatglm-bpe": _LLAMA3_MERGED,
    "qwen2": _QWEN2,
    "megrez": _QWEN2,
    "deepseek-r1-qwen": PreTokenization(splits=(QWEN2,)),
    "qwen35": PreTokenization(splits=(QWEN35,), nfc=True),
    "tekken": PreTokenization(splits=(TEKKEN,), whole_words=True),
    "gpt-4o": _GPT4O,
    "llama4": _GPT4O,
    "deepseek-v3": PreTokenization(splits=DEEPSEEK_V3),
}


def pre_tokenization(name: object) -> PreTokenization:
    """The scheme that a GGUF names.

    Raises:
        Unsupported: a name that we do not know, or none at all.
    """
    if name is None:
        raise Unsupported(
            "This GGUF does not say how it cuts text (tokenizer.ggml.pre is missing): "
            "convert the model again with a current llama.cpp."
        )
    if not isinstance(name, str) or name not in BY_NAME:
        raise Unsupported(
            f"This GGUF cuts text by the scheme {str(name)[:60]!r}, which Fireside does not know. "
            "Use the model's Hugging Face folder, which carries its tokenizer.json."
        )
    return BY_NAME[name]
