#!/usr/bin/env python3
"""Decode and prefill of Hugging Face transformers on the CPU, with the shape, threads and types of
'./hat bench runtime': run both one after the other, on a quiet machine. Needs, outside the repository:
  python3 -m venv /tmp/peer && /tmp/peer/bin/pip install torch transformers
  /tmp/peer/bin/python tests/bench/transformers_peer.py
"""
import argparse
import os
import statistics
import time

import torch
import transformers


def median_s(repeats, body):
    times = []
    for i in range(repeats + 2):
        start = time.perf_counter()
        body()
        if i >= 2:  # the first ones warm up
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def cut(cache, tokens):
    excess = cache.get_seq_length() - tokens
    if excess > 0:
        cache.crop(-excess)
    return cache


def bench(options, dtype):
    config = transformers.LlamaConfig(  # tinyllama-1.1b, fewer layers
        hidden_size=2048, intermediate_size=5632, num_hidden_layers=options.layers, vocab_size=32000,
        num_attention_heads=32, num_key_value_heads=4, max_position_embeddings=4096)
    torch.set_default_dtype(dtype)
    with torch.device("meta"):  # the values do not matter, drawing them would take minutes
        model = transformers.LlamaForCausalLM(config).eval()
    model.to_empty(device="cpu")
    for weight in model.parameters():
        weight.fill_(0.01)
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    prompt = torch.ones((1, options.prompt_tokens), dtype=torch.long)
    token = prompt[:, :1]
    context = min(64, options.prompt_tokens)
    prefill_s = median_s(3, lambda: model(prompt, use_cache=True, logits_to_keep=1))
    cache = model(prompt[:, :context], use_cache=True).past_key_values
    decode_s = median_s(options.decode_tokens,
                        lambda: model(token, past_key_values=cut(cache, context), use_cache=True))
    name = {torch.bfloat16: "bf16", torch.float32: "fp32"}[dtype]
    print(f"| {name} decode, one token after {context} | {1 / decode_s:.1f} tokens/s ({1e3 * decode_s:.1f} ms) |")
    print(f"| {name} prefill of {options.prompt_tokens} | {options.prompt_tokens / prefill_s:.0f} tokens/s "
          f"({1e3 * prefill_s:.0f} ms) |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--decode-tokens", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"| what | transformers {transformers.__version__}, torch {torch.__version__}, {options.threads} threads |")
    print("|---|--:|")
    with torch.no_grad():
        for dtype in (torch.bfloat16, torch.float32):
            bench(options, dtype)


if __name__ == "__main__":
    main()
