"""Writes a Llama of a few hundred kilobytes with random weights, as a Hugging Face folder that vLLM can serve.

usage: python tiny_model.py FOLDER          with a Python that has torch, safetensors and tokenizers

Heads have 32 elements: vLLM's attention on CPUs takes no smaller ones.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD, INNER = 64, 2, 4, 2, 32, 128


def tokenizer(folder):
    """A byte-level tokenizer without merges; returns the size of its vocabulary, rounded up."""
    words = ["<s>", "</s>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    model = models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=[])
    made = Tokenizer(model)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(words[:3])
    made.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "model_max_length": 256,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return -(-len(words) // 64) * 64


def config(words):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD,
        "hidden_act": "silu",
        "vocab_size": words,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "torch_dtype": "bfloat16",
    }


def weights(words):
    shapes = {"model.embed_tokens": (words, HIDDEN), "lm_head": (words, HIDDEN)}
    for layer in range(LAYERS):
        attention, mlp = f"model.layers.{layer}.self_attn", f"model.layers.{layer}.mlp"
        shapes[f"{attention}.q_proj"] = (HEAD * HEADS, HIDDEN)
        shapes[f"{attention}.k_proj"] = shapes[f"{attention}.v_proj"] = (HEAD * KV_HEADS, HIDDEN)
        shapes[f"{attention}.o_proj"] = (HIDDEN, HEAD * HEADS)
        shapes[f"{mlp}.gate_proj"] = shapes[f"{mlp}.up_proj"] = (INNER, HIDDEN)
        shapes[f"{mlp}.down_proj"] = (HIDDEN, INNER)
    norms = ["model.norm"]
    for layer in range(LAYERS):
        norms += [f"model.layers.{layer}.{n}_layernorm" for n in ("input", "post_attention")]
    generator = torch.Generator().manual_seed(0)
    made = {f"{name}.weight": torch.ones(HIDDEN, dtype=torch.bfloat16) for name in norms}
    for name, shape in shapes.items():
        values = torch.randn(*shape, generator=generator) * 0.05
        made[f"{name}.weight"] = values.to(torch.bfloat16)
    return made


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(config(words)))
    save_file(weights(words), str(folder / "model.safetensors"), metadata={"format": "pt"})


main(pathlib.Path(sys.argv[1]))
