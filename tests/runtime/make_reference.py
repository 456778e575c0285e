#!/usr/bin/env python3
"""Makes tests/data/runtime: tiny random checkpoints and the logits that transformers gives for them.

    python3 -m venv ENV; ENV/bin/pip install torch transformers; ENV/bin/python make_reference.py

Not run by the tests: they read what it wrote. Each folder is a checkpoint as transformers saves it,
with reference.safetensors beside: ids [tokens] (I64), logits [tokens, vocabulary] and, after each
layer, states [layers + 1, tokens, hidden] (before the final norm), all in fp32 on the CPU.
"""
import json
import pathlib
import shutil
import sys

import safetensors.torch
import torch
import transformers

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                    pathlib.Path(__file__).parents[1] / "data" / "runtime")
BASE = dict(hidden_size=32, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=4, vocab_size=80, max_position_embeddings=64, rms_norm_eps=1e-5,
            bos_token_id=1, eos_token_id=2, attn_implementation="eager")
LLAMA3 = dict(rope_type="llama3", rope_theta=500.0, factor=4.0, low_freq_factor=1.0,
              high_freq_factor=4.0, original_max_position_embeddings=16)
LLAMA31 = dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0,
               high_freq_factor=4.0, original_max_position_embeddings=8192)
PLAIN = dict(rope_type="default", rope_theta=10000.0)
# name -> (config, tokens, dtype of the weights, old key spellings, bytes a shard)
CASES = {
    "mha": (dict(rope_parameters=dict(rope_type="default", rope_theta=10000.0)),
            40, torch.float32, True, None),
    "gqa_llama3_tied": (dict(num_key_value_heads=2, head_dim=16,
                             tie_word_embeddings=True, rope_parameters=LLAMA3),
                        48, torch.float32, False, None),
    "linear": (dict(num_key_value_heads=1,
                    rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.0)),
               40, torch.float16, True, None),
    "sharded_bf16": (dict(num_key_value_heads=2,
                          rope_parameters=dict(rope_type="default", rope_theta=1e6)),
                     40, torch.bfloat16, False, 24_000),
    "llama31": (dict(num_key_value_heads=2, head_dim=16, rope_parameters=LLAMA31), 48, torch.float32, False, None),
    "mistral": (dict(num_key_value_heads=2, sliding_window=64, rope_parameters=PLAIN),
                40, torch.float32, False, None),
    "qwen2": (dict(num_key_value_heads=2, tie_word_embeddings=True, rope_parameters=PLAIN),
              40, torch.float32, False, None),
    "qwen3": (dict(num_key_value_heads=2, head_dim=16, rope_parameters=PLAIN), 40, torch.float32, False, None),
    "smollm3": (dict(num_hidden_layers=4, num_key_value_heads=2, rope_parameters=PLAIN, pad_token_id=0),
                40, torch.float32, False, None),
}
# The classes of those that are not Llama's, in transformers' words.
FAMILIES = {"mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "smollm3": "SmolLM3"}


def randomize(model, generator):
    """Weights that keep the norm of states, so that logits depend on all that is computed."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            values = torch.randn(weight.shape, generator=generator)
            if name.endswith(".bias"):
                weight.copy_(0.5 * values)
            elif weight.dim() == 1:
                weight.copy_(1 + 0.1 * values)
            elif "embed" in name:
                weight.copy_(values)
            else:
                weight.copy_(values * 1.5 / weight.shape[1] ** 0.5)


def spell_as_transformers_4(path):
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2) + "\n")


def states_of(model, ids):
    """Embedding and every layer's output; transformers' own hidden_states has the last one normed."""
    states = []
    hooks = [model.model.embed_tokens.register_forward_hook(
        lambda module, arguments, output: states.append(output[0]))]
    for layer in model.model.layers:
        hooks.append(layer.register_forward_hook(lambda module, arguments, output: states.append(
            (output[0] if isinstance(output, tuple) else output)[0])))
    logits = model(ids).logits[0]
    for hook in hooks:
        hook.remove()
    return torch.stack(states), logits


def make(name, index, changes, tokens, dtype, old_spelling, shard_bytes):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(index)
    family = FAMILIES.get(name, "Llama")
    config = getattr(transformers, f"{family}Config")(**{**BASE, **changes})
    model_class = getattr(transformers, f"{family}ForCausalLM")
    model = model_class(config).eval()
    randomize(model, generator)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard_bytes or "1GB")
    (folder / "generation_config.json").unlink(missing_ok=True)
    model = model_class.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.randint(config.vocab_size, (1, tokens), generator=generator)
    with torch.no_grad():
        states, logits = states_of(model, ids)
    safetensors.torch.save_file({"ids": ids[0], "logits": logits, "states": states},
                                folder / "reference.safetensors")
    if old_spelling:
        spell_as_transformers_4(folder / "config.json")
    (folder / "config.json").chmod(0o644)


def save_as_torch(name):
    """The checkpoint `name` as torch.save writes it, in two files with an index: NAME_bin."""
    folder = ROOT / f"{name}_bin"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(ROOT / name / "config.json", folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(ROOT / name, dtype="auto")
    tensors = model.state_dict()  # an ordered dictionary, with attributes of torch's own
    names = list(tensors)
    index = {"metadata": {}, "weight_map": {}}
    for number, part in enumerate((names[:len(names) // 2], names[len(names) // 2:]), 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        saved = tensors.copy() if number == 1 else {}
        for name in names:
            if name in part:
                saved[name] = tensors[name].clone()
            else:
                saved.pop(name, None)
        torch.save(saved, folder / file)
        index["weight_map"].update({name: file for name in part})
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1) + "\n")


def main():
    print("transformers", transformers.__version__, "torch", torch.__version__)
    for index, (name, case) in enumerate(CASES.items()):
        make(name, index, *case)
    save_as_torch("sharded_bf16")


if __name__ == "__main__":
    main()
