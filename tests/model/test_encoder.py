"""Embeddings: those of transformers with the mean taken by hand, alone or in a padded batch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import transformers
from torch import Tensor

from fireside.errors import ContextOverflow, Corrupt, Unsupported
from fireside.model.encoder import encoder_config, load_encoder

BERT: dict[str, Any] = {
    "model_type": "bert",
    "vocab_size": 97,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 32,
}


def _by_hand(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    hidden = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return F.normalize(mean, dim=-1)


def _batch(vocabulary: int, lengths: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    dice = torch.Generator().manual_seed(0)
    ids = torch.randint(1, vocabulary, (len(lengths), max(lengths)), generator=dice)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return ids * mask, mask


def test_minilm(minilm_path: Path) -> None:
    model = transformers.AutoModel.from_pretrained(minilm_path).eval()
    encoder = load_encoder(minilm_path)
    ids, mask = _batch(30_522, (40, 3, 17, 1, 128))
    found = encoder.embed(ids, mask)
    torch.testing.assert_close(found, _by_hand(model, ids, mask), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(5))
    for i, length in enumerate(mask.sum(1).tolist()):
        alone = encoder.embed(ids[i : i + 1, :length], mask[i : i + 1, :length])
        torch.testing.assert_close(found[i : i + 1], alone, atol=1e-5, rtol=0)


@pytest.fixture
def bert_folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(**BERT)).eval()
    for weight in model.parameters():
        weight.add_(torch.randn_like(weight) * 0.1)
    model.save_pretrained(tmp_path)
    return tmp_path


def test_small_bert(bert_folder: Path) -> None:
    model = transformers.AutoModel.from_pretrained(bert_folder).eval()
    ids, mask = _batch(97, (32, 5, 1))
    found = load_encoder(bert_folder).embed(ids, mask)
    torch.testing.assert_close(found, _by_hand(model, ids, mask), atol=1e-5, rtol=0)


def test_too_long_is_refused(bert_folder: Path) -> None:
    ids, mask = _batch(97, (33,))
    with pytest.raises(ContextOverflow, match="33 tokens"):
        load_encoder(bert_folder).embed(ids, mask)


def test_other_pooling_is_refused(minilm_path: Path, tmp_path: Path) -> None:
    shutil.copy(minilm_path / "config.json", tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    pooling = tmp_path / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps({"pooling_mode_cls_token": True}))
    with pytest.raises(Unsupported, match="cls"):
        load_encoder(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "roberta"},
        {"position_embedding_type": "relative_key"},
        {"is_decoder": True},
        {"hidden_act": "relu"},
    ],
)
def test_other_encoders_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        encoder_config(BERT | change)


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": 25},
        {"hidden_size": "24"},
        {"num_hidden_layers": 0},
        {"num_hidden_layers": 10**6},
        {"layer_norm_eps": "x"},
        {"vocab_size": True},
    ],
)
def test_nonsense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Corrupt):
        encoder_config(BERT | change)


def test_a_file_that_disagrees(bert_folder: Path) -> None:
    raw = json.loads((bert_folder / "config.json").read_text())
    (bert_folder / "config.json").write_text(json.dumps(raw | {"vocab_size": 10**9}))
    with pytest.raises(Corrupt, match="word_embeddings"):
        load_encoder(bert_folder)
