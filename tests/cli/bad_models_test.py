#!/usr/bin/env python3
"""Models that are damaged, hostile or of another kind, as 'hat generate' meets them; what 'hat train eval' and
'hat train base --start' refuse beside them."""
import io
import json
import math
import os
import struct
import unittest
import zipfile

from program_case import ROOT, Case, ProgramTest, add_cases

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
          "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 3,
          "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "vocab_size": 20,
          "tie_word_embeddings": False, "max_position_embeddings": 32, "rms_norm_eps": 1e-5,
          "rope_theta": 10000.0, "torch_dtype": "float32"}


def shapes(config):
    hidden, ffn = config["hidden_size"], config["intermediate_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    named = {"model.embed_tokens": [config["vocab_size"], hidden], "model.norm": [hidden],
             "lm_head": [config["vocab_size"], hidden]}
    for layer in range(config["num_hidden_layers"]):
        for name, shape in (("input_layernorm", [hidden]), ("post_attention_layernorm", [hidden]),
                            ("self_attn.q_proj", [queries, hidden]), ("self_attn.k_proj", [keys, hidden]),
                            ("self_attn.v_proj", [keys, hidden]), ("self_attn.o_proj", [hidden, queries]),
                            ("mlp.gate_proj", [ffn, hidden]), ("mlp.up_proj", [ffn, hidden]),
                            ("mlp.down_proj", [hidden, ffn])):
            named[f"model.layers.{layer}.{name}"] = shape
    return {name + ".weight": shape for name, shape in named.items()}


def tensors(**changed):
    """name: (dtype, shape, bytes); small values of both signs; "__" in a changed name is a dot."""
    made = {}
    for name, shape in shapes(CONFIG).items():
        values = [0.1 * ((7 * i) % 11 - 5) for i in range(math.prod(shape))]
        made[name] = ("F32", shape, struct.pack(f"<{len(values)}f", *values))
    for name, tensor in changed.items():
        made[name.replace("__", ".")] = tensor
    return {name: tensor for name, tensor in made.items() if tensor}


def packed(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def header_and_data(content):
    header, data = {}, b""
    for name, (dtype, shape, raw) in content.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    return header, data


def weights(**changed):
    return packed(*header_and_data(tensors(**changed)))


def moved(name, begin, end):
    header, data = header_and_data(tensors())
    header[name]["data_offsets"] = [begin, end]
    return packed(header, data)


def filled(value):
    return ("F32", [8], struct.pack("<8f", *[value] * 8))


GOOD = weights()
NORM = "model.norm.weight"

# name, model.safetensors, changes to config.json (None: without the key), words of the message
BROKEN = [
    ("no weights", None, {}, ["model.safetensors"]),
    ("empty weights", b"", {}, ["model.safetensors", "empty"]),
    ("half the weights", GOOD[:len(GOOD) // 2], {}, ["model.safetensors"]),
    ("last byte missing", GOOD[:-1], {}, ["model.safetensors"]),
    ("one byte too many", GOOD + b"x", {}, ["1 bytes after"]),
    ("header of 2 to the 63 bytes", struct.pack("<Q", 1 << 63) + GOOD[8:], {}, ["no header's length"]),
    ("flipped bit in the header", GOOD[:8] + bytes([GOOD[8] ^ 1]) + GOOD[9:], {}, ["model.safetensors"]),
    ("Git LFS pointer", b"version https://git-lfs.github.com/spec/v1\n", {}, ["Git LFS pointer", "git lfs pull"]),
    ("overlapping tensors", moved(NORM, 0, 32), {}, ["overlap"]),
    ("tensor outside the file", moved(NORM, 0, 1 << 40), {}, ["data_offsets", "was cut off"]),
    ("wrong type", weights(model__norm__weight=("I32", [8], bytes(32))), {}, [NORM, "I32"]),
    ("wrong shape", weights(model__norm__weight=("F32", [4, 2], bytes(32))), {}, [NORM, "[4, 2]", "[8]"]),
    ("missing tensor", weights(model__norm__weight=None), {}, [NORM, "missing"]),
    ("unknown tensor", weights(model__extra=("F32", [8], bytes(32))), {}, ["model.extra"]),
    ("no hidden size", GOOD, {"hidden_size": None}, ["config.json", "hidden_size"]),
    ("heads that share nothing", GOOD, {"num_attention_heads": 3, "num_key_value_heads": 2},
     ["config.json", "num_key_value_heads"]),
    ("more layers than weights", GOOD, {"num_hidden_layers": 4}, ["model.layers.3."]),
    ("a million layers", GOOD, {"num_hidden_layers": 1_000_000_000}, ["config.json", "num_hidden_layers"]),
    ("one layer to split", GOOD, {"num_hidden_layers": 1}, ["one layer cannot be split", "--system whole"]),
    ("another vocabulary", GOOD, {"vocab_size": 21}, ["[20, 8]", "[21, 8]"]),
    ("another architecture", GOOD, {"model_type": "gpt2"}, ["config.json", "gpt2"]),
    ("not a number", weights(model__norm__weight=filled(math.nan)), {}, [NORM, "NaN"]),
    ("infinite", weights(model__norm__weight=filled(math.inf)), {}, [NORM, "infinite"]),
]


def files(model, changes):
    config = {key: value for key, value in {**CONFIG, **changes}.items() if value is not None}
    made = {"model/config.json": json.dumps(config)}
    return made if model is None else {**made, "model/model.safetensors": model}


GENERATE = "generate --model model --max-new-tokens 4 --system u-shape --prompt-ids"


class BadModelsTest(ProgramTest):
    pass


add_cases(BadModelsTest, [Case(name, GENERATE + " 1,2", tuple(words), files(model, changes))
                          for name, model, changes, words in BROKEN])

add_cases(BadModelsTest, [
    Case(name, f"{GENERATE} {arguments}", words, files(GOOD, {}))
    for name, arguments, words in (
        ("id outside the vocabulary", "1,20", ("20", "vocabulary")),
        ("prompt longer than the positions", ",".join(["1"] * 33), ("33 tokens", "32 positions")),
        ("no such device", "1 --device cuda:7", ("cuda:7",)),
        ("no such dtype", "1 --dtype int4", ("int4",)))
] + [Case("empty prompt", GENERATE, ("--prompt-ids", "empty"), files(GOOD, {}), arguments=("",))])



def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number, value):
    """Of a protocol buffer: bytes, an integer or a float."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def tokenizer(pieces):
    """A tokenizer.model (byte-pair encoding): <unk>, <s>, </s> and letters."""
    letters = [(chr(ord("a") + i).encode(), 1) for i in range(pieces - 3)]
    made = [field(1, field(1, text) + field(2, float(-i)) + field(3, kind))
            for i, (text, kind) in enumerate([(b"<unk>", 2), (b"<s>", 3), (b"</s>", 3), *letters])]
    return b"".join(made) + field(2, field(3, 2)) + field(3, field(1, b"identity"))


# Metadata of an adapter of a model that nobody has.
FOREIGN = packed({"__metadata__": {"kind": "hat-adapter", "model": "0" * 64, "split": "1",
                                   "draft_temperature": "1"}}, b"")
TEXT = "abc abc\n" * 40
ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
WITH_TOKENIZER = {**files(GOOD, {}), "model/tokenizer.model": tokenizer(20), "text.txt": TEXT,
                  "short.txt": "abc\n", "foreign.safetensors": FOREIGN}
EVAL = "train-eval --text text.txt --length 8 --long-length 16 --prompt-tokens 4 --output-tokens 4 --split 1 --model "
BASE = "train-base --text text.txt --out new --split 1 --steps 1 --length 8 --long-length 8 "

add_cases(BadModelsTest, [
    Case(name, command, words, {**WITH_TOKENIZER, **changes})
    for name, command, words, changes in (
        ("eval of no folder", EVAL + "none --held-out text.txt", ("none", "neither tokenizer.json"), {}),
        ("eval of half the weights", EVAL + "model --held-out text.txt", ("model.safetensors",),
         {"model/model.safetensors": GOOD[:len(GOOD) // 2]}),
        ("eval without an adapter's file", EVAL + "model --held-out text.txt --adapter none.safetensors",
         ("none.safetensors",), {}),
        ("eval of weights as an adapter", EVAL + "model --held-out text.txt --adapter model/model.safetensors",
         ("kind", "hat-adapter"), {}),
        ("eval of another model's adapter", EVAL + "model --held-out text.txt --adapter foreign.safetensors",
         ("foreign.safetensors", "another model"), {}),
        ("eval of weights as heads", EVAL + "model --held-out text.txt --medusa model/model.safetensors",
         ("kind", "hat-medusa"), {}),
        ("eval at a split after the last layer", EVAL.replace("--split 1", "--split 3") + "model --held-out text.txt",
         ("split", "1 to 2"), {}),
        ("eval of windows beyond the positions", EVAL.replace("--length 8", "--length 33") + "model --held-out text.txt",
         ("32 positions",), {}),
        ("eval of no text", EVAL + "model --held-out none.txt", ("none.txt",), {}),
        ("eval of text shorter than a window", EVAL + "model --held-out short.txt", ("held-out", "more than 8 tokens"), {}),
        ("eval with another vocabulary", EVAL + "model --held-out text.txt", ("tokenizer.model", "21 pieces", "20"),
         {"model/tokenizer.model": tokenizer(21)}),
        ("eval as another picture", EVAL + "model --held-out text.txt --out eval.pdf", (".png", "eval.pdf"), {}),
        ("a folder for a model behind a tilde", BASE.replace("--out new", "--out ~/new") + "--start model",
         ("'~/new", "begins with '~'"), {}),
        ("start from no folder", BASE + "--start none", ("none", "config.json"), {}),
        ("start from half the weights", BASE + "--start model", ("model.safetensors",),
         {"model/model.safetensors": GOOD[:len(GOOD) // 2]}),
        ("start with another vocabulary", BASE + "--start model", ("tokenizer.model", "21 pieces", "20"),
         {"model/tokenizer.model": tokenizer(21)}),
        ("start with an adapter of another model", BASE + "--start model --exit-weight 1",
         ("adapter.safetensors", "another model"), {"model/adapter.safetensors": FOREIGN}),
        ("sizes beside a start", BASE + "--start model --width 64", ("--width", "--start"), {}),
        ("neither tokenizer nor start", BASE, ("--tokenizer", "--start"), {}))])

GGUF = (ROOT / "tests/data/runtime/gguf/mha.gguf").read_bytes()
PICKLE = ROOT / "tests/data/runtime/sharded_bf16_bin"
IMPORT = "model-import model.gguf --out made"


def torch_archive(pickle):
    """As torch.save lays it out, with this pickle and no storage."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("archive/data.pkl", pickle)
        made.writestr("archive/version", "3\n")
    return archive.getvalue()


add_cases(BadModelsTest, [
    Case(name, command, words, made, run={"env": {**os.environ, "HAT_MODELS": "/nowhere"}})
    for name, command, words, made in (
        ("import of no file", IMPORT, ("cannot read 'model.gguf'", "No such file"), {}),
        ("import of something else", IMPORT, ("model.gguf", "no GGUF"), {"model.gguf": "text" * 20}),
        ("import of half a file", IMPORT, ("model.gguf", "cut off"), {"model.gguf": GGUF[:len(GGUF) // 2]}),
        ("import of the last byte missing", IMPORT, ("model.gguf", "cut off"), {"model.gguf": GGUF[:-33]}),
        ("import of another architecture", IMPORT, ("general.architecture", "mamba", "llama, qwen2"),
         {"model.gguf": GGUF.replace(b"llama", b"mamba", 1)}),
        ("import of another tokenizer", IMPORT, ("tokenizer.ggml.model", "bertt", "gpt2 and llama"),
         {"model.gguf": b"bertt".join(GGUF.rsplit(b"llama", 1))}),
        ("import into a folder with files", IMPORT, ("'made'",), {"model.gguf": GGUF, "made/mine.txt": "x"}),
        ("import of a folder of safetensors", "model-import model --out made", ("pytorch_model.bin", ".gguf"),
         files(GOOD, {})),
        ("import of a pickle that runs things", "model-import model --out made",
         ("pytorch_model.bin", "asks for posix.system", "nothing is run"),
         {**files(None, {}), "model/pytorch_model.bin": torch_archive(b"\x80\x02cposix\nsystem\nX\x01\0\0\0a\x85R.")}),
        ("get of no such model", "model-get gpt-5", ("gpt-5", "smollm2-135m"), {}),
        ("a model that was not got", GENERATE.replace("--model model", "--model smollm2-135m") + " 1",
         ("not here yet", "hat model get smollm2-135m"), {}),
        ("tokens of no folder", "model-tokens none --text a", ("none", "cannot read"), {}))
] + [
    Case(name, "generate --model model --system whole --chat hello " + arguments, words,
         {**WITH_TOKENIZER, "model/tokenizer_config.json": json.dumps(config), "endless.jinja": ENDLESS})
    for name, config, arguments, words in (
        ("chat without a template", {}, "", ("no chat template", "--chat-template", "chatml")),
        ("chat with no such template", {}, "--chat-template none", ("--chat-template", "vicuna", "'none'")),
        ("chat with a broken template", {"chat_template": "{% for %}"}, "",
         ("tokenizer_config.json", "the chat template fails", "line 1")),
        ("chat with a template that refuses", {"chat_template": "{{ raise_exception('not so') }}"}, "", ("not so",)),
        ("chat with a template that reaches out", {"chat_template": "{{ messages.__class__.__mro__ }}"}, "",
         ("the chat template fails", "unsafe")),
        ("chat with a template that does not end", {}, "--chat-template endless.jinja", ("not ended after 5 s",)))])

if __name__ == "__main__":
    unittest.main()
