"""Weights to logits: one decoder definition in PyTorch, and the encoder for embeddings.

architecture  what a decoder looks like (`ModelConfig`)
families      gpt2, llama, mistral, qwen2, qwen3, gemma3, as data; names: their weight names
config        config.json or GGUF metadata -> ModelConfig
weights       files -> tensors under one naming
transformer   the model itself, with norms, positions, attention, mlp beside it
cache         keys and values of the past
load, save    folders and GGUF files in, folders out
encoder       text -> one vector (BERT family)
"""
