#!/usr/bin/env python3
"""Makes tests/data/runtime/tokenizers: small tokenizer.json files, and what the library tokenizers makes of text.

    python3 -m venv ENV; ENV/bin/pip install tokenizers==0.23.3; ENV/bin/python make_tokenizers.py [NAME=TOKENIZER.JSON...]

Not run by the tests: they read what it wrote. KIND.json is a tokenizer, trained on mixed_text.py;
golden.json has, for each kind, a hash of the ids and of the decoded text of each hundred of its
lines. Tokenizers that are named besides are measured too.
"""
import hashlib
import json
import pathlib
import sys

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

import mixed_text

DATA = pathlib.Path(__file__).parents[2] / "data/runtime/tokenizers"
LINES = 10_000
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
          r"\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
CONTROLS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def byte_level(pre_tokenizer, normalizer=None, ignore_merges=False):
    made = tokenizers.Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizer
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=CONTROLS, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    return made, trainer


def split(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(tokenizers.Regex(pattern), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def smollm():
    return byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]))


def gpt2():
    return byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))


def llama3():
    made, trainer = byte_level(split(LLAMA3), ignore_merges=True)
    made.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing("<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)])])
    return made, trainer


def qwen2():
    return byte_level(split(QWEN2), normalizers.NFC())


def pieces(normalizer, pre_tokenizer, decoder):
    """As sentencepiece's: spaces are U+2581, unknown characters are bytes."""
    made = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    if normalizer:
        made.normalizer = normalizer
    if pre_tokenizer:
        made.pre_tokenizer = pre_tokenizer
    made.decoder = decoder
    controls = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    return made, trainers.BpeTrainer(vocab_size=900, special_tokens=controls, show_progress=False, limit_alphabet=300)


def legacy_llama():
    return pieces(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None,
                  decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                     decoders.Strip(" ", 1, 0)]))


def metaspace():
    return pieces(None, pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False),
                  decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                     decoders.Strip(" ", 1, 0)]))


KINDS = {"gpt2": gpt2, "smollm": smollm, "llama3": llama3, "qwen2": qwen2, "legacy_llama": legacy_llama,
         "metaspace": metaspace}


def demote_bytes(path):
    """Byte pieces are no special tokens."""
    document = json.loads(path.read_text())
    document["added_tokens"] = [token for token in document["added_tokens"] if not token["content"].startswith("<0x")]
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def make(kind):
    made, trainer = KINDS[kind]()
    made.train_from_iterator(mixed_text.lines(3000, seed=2), trainer)
    made.add_tokens([tokenizers.AddedToken("<|added|>", normalized=kind == "qwen2", lstrip=kind == "gpt2",
                                           rstrip=kind == "gpt2")])
    path = DATA / f"{kind}.json"
    made.save(str(path))
    demote_bytes(path)


def hashes(tokenizer, lines):
    """A hash a hundred lines: of ids, and of what they decode to."""
    made = []
    for first in range(0, len(lines), 100):
        digest = hashlib.sha256()
        for line in lines[first:first + 100]:
            ids = tokenizer.encode(line, add_special_tokens=False).ids
            digest.update(json.dumps([ids, tokenizer.decode(ids)], separators=(",", ":")).encode())
        made.append(digest.hexdigest()[:16])
    return made


def main():
    DATA.mkdir(exist_ok=True)
    for kind in KINDS:
        make(kind)
    paths = {kind: DATA / f"{kind}.json" for kind in KINDS}
    paths.update(argument.split("=", 1) for argument in sys.argv[1:])
    lines = mixed_text.lines(LINES)
    golden = {"tokenizers": tokenizers.__version__}
    for name, path in paths.items():
        golden[name] = hashes(tokenizers.Tokenizer.from_file(str(path)), lines)
    (DATA / "golden.json").write_text(json.dumps(golden, indent=0) + "\n")


if __name__ == "__main__":
    main()
