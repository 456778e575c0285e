#!/usr/bin/env python3
"""Makes tests/data/runtime/gguf with the package gguf of llama.cpp.

    python3 -m venv ENV; ENV/bin/pip install gguf==0.19.0 safetensors==0.8.0; ENV/bin/python make_gguf.py

Not run by the tests: they read what it wrote. blocks.gguf has a tensor of each type that is read, of
random blocks, and blocks.safetensors their values as the package dequantises them. NAME.gguf is the
checkpoint ../NAME as llama.cpp's converter writes it (queries and keys in pairs), with a tokenizer
of ours.
"""
import json
import pathlib

import gguf
import numpy as np
import safetensors.numpy

DATA = pathlib.Path(__file__).parents[2] / "data/runtime"
OUT = DATA / "gguf"
TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
# Where a block's fp16 factors lie: they must be finite.
FACTORS = {"F16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2],
           "Q5_K": [0, 2], "Q6_K": [208]}


def random_blocks(name, draw):
    """Two rows of 256 values."""
    block_values, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    rows = draw.integers(0, 256, (2, 256 // block_values * block_bytes), dtype=np.uint8)
    if name in ("F32", "BF16"):
        values = draw.standard_normal((2, 256)).astype(np.float32)
        return values.view(np.uint8) if name == "F32" else (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
    for row in rows:
        for start in range(0, rows.shape[1], block_bytes):
            for place in FACTORS[name]:
                factor = np.array([draw.standard_normal()], np.float16)
                row[start + place:start + place + 2] = factor.view(np.uint8)
    return rows


def make_blocks():
    draw = np.random.default_rng(1)
    writer = gguf.GGUFWriter(OUT / "blocks.gguf", "llama")
    values = {}
    for name in TYPES:
        rows = random_blocks(name, draw)
        kind = gguf.GGMLQuantizationType[name]
        values[name] = np.ascontiguousarray(gguf.dequantize(rows, kind).astype(np.float32).reshape(2, 256))
        writer.add_tensor(name, rows, raw_dtype=kind)
    finish(writer)
    safetensors.numpy.save_file(values, OUT / "blocks.safetensors")


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def in_pairs(weight, heads):
    """Rows of heads as llama.cpp wants them: (0, h, 1, h + 1, ...) of (0, 1, ..., h, ...)."""
    return np.ascontiguousarray(weight.reshape(heads, 2, -1, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape))


LAYER = {"input_layernorm.weight": "attn_norm.weight", "post_attention_layernorm.weight": "ffn_norm.weight",
         "self_attn.q_proj.weight": "attn_q.weight", "self_attn.k_proj.weight": "attn_k.weight",
         "self_attn.v_proj.weight": "attn_v.weight", "self_attn.o_proj.weight": "attn_output.weight",
         "self_attn.q_proj.bias": "attn_q.bias", "self_attn.k_proj.bias": "attn_k.bias",
         "self_attn.v_proj.bias": "attn_v.bias", "self_attn.q_norm.weight": "attn_q_norm.weight",
         "self_attn.k_norm.weight": "attn_k_norm.weight", "mlp.gate_proj.weight": "ffn_gate.weight",
         "mlp.up_proj.weight": "ffn_up.weight", "mlp.down_proj.weight": "ffn_down.weight"}
TOP = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
       "lm_head.weight": "output.weight"}


def gguf_name(name):
    if name in TOP:
        return TOP[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{LAYER[rest]}"


def pieces(count):
    """A tokenizer.model's: <unk>, <s>, </s>, letters, and unused ones."""
    texts = ["<unk>", "<s>", "</s>", "▁", *"abcdefghij", "ab", "▁a"]
    texts += [f"[{number}]" for number in range(count - len(texts))]
    kinds = [2, 3, 3] + [1] * 13 + [5] * (count - 16)
    scores = [0.0] * 3 + [-float(rank) for rank in range(count - 3)]
    return texts, kinds, scores


def llama31_divisors(dim, theta):
    frequencies = theta ** (-2 * np.arange(dim // 2) / dim)
    periods = 8192 * frequencies / (2 * np.pi)
    keep = np.clip((periods - 1) / 3, 0, 1)
    return (1 / (keep + (1 - keep) / 8)).astype(np.float32)


def make_checkpoint(name, architecture):
    config = json.loads((DATA / name / "config.json").read_text())
    tensors = safetensors.numpy.load_file(DATA / name / "model.safetensors")
    heads = config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads", heads)
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0)}
    writer = gguf.GGUFWriter(OUT / f"{name}.gguf", architecture)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope["rope_theta"])
    if config.get("head_dim"):
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
    if rope.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", llama31_divisors(config["head_dim"], rope["rope_theta"]))
    texts, kinds, scores = pieces(config["vocab_size"])
    writer.add_tokenizer_model("llama")
    writer.add_token_list(texts)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template("{{ bos_token }}[{{ messages[0].content }}]")
    for tensor, values in sorted(tensors.items()):
        if architecture in ("llama", "smollm3"):
            if ".q_proj." in tensor:
                values = in_pairs(values, heads)
            elif ".k_proj." in tensor:
                values = in_pairs(values, kv_heads)
        writer.add_tensor(gguf_name(tensor), values)
    finish(writer)


def main():
    OUT.mkdir(exist_ok=True)
    make_blocks()
    for name, architecture in [("mha", "llama"), ("llama31", "llama"), ("qwen2", "qwen2"), ("qwen3", "qwen3"),
                               ("smollm3", "smollm3")]:
        if (DATA / name).exists():
            make_checkpoint(name, architecture)


if __name__ == "__main__":
    main()
