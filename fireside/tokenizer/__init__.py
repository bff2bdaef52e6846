"""Text to ids and back, and the one renderer of chat templates."""

from fireside.tokenizer.detokenizer import Detokenizer
from fireside.tokenizer.rendered import Rendered
from fireside.tokenizer.tokenizer import Tokenizer

__all__ = ["Detokenizer", "Rendered", "Tokenizer"]
