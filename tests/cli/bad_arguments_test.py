#!/usr/bin/env python3
"""Mistakes on the command line of every program."""
import unittest

from program_case import Case, ProgramTest, add_cases

SIMULATE = "simulate scenario.toml --quiet --out out"
CAPACITY = "capacity scenario.toml --quiet --out out --jobs 1 --seeds 1 --no-figure"
COMPARE = "compare scenario.toml --quiet --out out --jobs 1 --seeds 1 --no-figure"
MODEL = "profile-model --out p.json"
PROFILE = "{profiles}/a6000_vicuna-7b_cloud.json"

# The command line, and what the message must say.
TABLE = [
    # Nothing, or nothing known.
    ("simulate", ["scenario is required", "--help"]),
    ("compare", ["scenario is required", "--help"]),
    ("profile-model", ["--hardware is required", "--list"]),
    ("profile-show", ["FILE is required", "--help"]),
    ("trace-import", ["is required", "--help"]),
    ("trace-show", ["is required", "--help"]),
    ("validate", ["scenario is required", "--help"]),
    ("validate scenario.toml", ["--live is required"]),
    ("simulate --turbo", ["scenario is required"]),
    (f"{SIMULATE} --turbo", ["--turbo"]),
    (f"{SIMULATE} -x", ["-x"]),
    (f"{SIMULATE} other.toml", ["other.toml"]),
    (f"{COMPARE} --turbo", ["--turbo"]),
    (f"{COMPARE} other.toml", ["other.toml"]),
    (f"{MODEL} --turbo", ["--turbo"]),
    (f"{MODEL} more", ["more"]),
    (f"profile-show {PROFILE} --turbo", ["--turbo"]),
    ("trace-import in.jsonl --out t.trace --turbo", ["--turbo"]),
    ("trace-show in.trace --turbo", ["--turbo"]),
    # Without their value, or with one that is none.
    (f"{SIMULATE} --set", ["--set", "KEY=VALUE"]),
    (f"{SIMULATE} --seed", ["--seed"]),
    (f"{SIMULATE} --seed -1", ["'seed'", "0..9223372036854775807", "-1"]),
    (f"{SIMULATE} --seed 1.5", ["--seed: must be a whole number", "1.5"]),
    (f"{SIMULATE} --seed one", ["--seed: must be a whole number", "one"]),
    (f"{SIMULATE} --seed 010", ["--seed: must be a whole number", "010"]),
    (f"{SIMULATE} --seed 0x10", ["--seed: must be a whole number", "0x10"]),
    (f"{SIMULATE} --seed 20.0", ["--seed: must be a whole number", "20.0"]),
    (f"{SIMULATE} --seed 18446744073709551616", ["'seed'", "0..9223372036854775807"]),
    (f"{SIMULATE} --seed 9223372036854775808", ["'seed'", "0..9223372036854775807"]),
    (f"{SIMULATE} --seed 1 --seed 2", ["--seed"]),
    (f"{SIMULATE} --seed 1 --set seed=2", ["--seed", "--set seed"]),
    (f"{SIMULATE} --explain", ["--explain"]),
    (f"{SIMULATE} --explain one", ["--explain", "one"]),
    (f"{SIMULATE} --explain -1", ["--explain", "-1", "not in range"]),
    (f"{SIMULATE} --explain 4", ["--explain 4", "requests 0 to 3"]),
    (f"{SIMULATE} --explain 99999999999", ["--explain"]),
    (f"{SIMULATE} --explain 1 --json", ["--json", "--explain"]),
    (f"{SIMULATE} --explain 1 --format vllm", ["--format", "--explain"]),
    (f"{SIMULATE} --json --format vllm", ["--json", "--format"]),
    (f"{SIMULATE} --format yaml", ["--format", "yaml", "vllm"]),
    (f"{SIMULATE} --timeline", ["--timeline"]),
    (f"{SIMULATE} --out other", ["--out"]),
    (f"{SIMULATE} --quiet=maybe", ["--quiet"]),
    (f"{COMPARE} --seeds 2", ["--seeds"]),
    ("compare scenario.toml --quiet --out out --seeds 0", ["--seeds", "1", "10000", "0"]),
    ("compare scenario.toml --quiet --out out --seeds -1", ["--seeds", "1", "10000", "-1"]),
    ("compare scenario.toml --quiet --out out --seeds 99999999999", ["--seeds"]),
    ("compare scenario.toml --quiet --out out --jobs 0", ["--jobs", "1", "1024", "0"]),
    ("compare scenario.toml --quiet --out out --jobs 100000", ["--jobs", "1", "1024"]),
    (f"{COMPARE} --retries -1", ["--retries", "0", "100", "-1"]),
    (f"{COMPARE} --resume --force", ["--resume", "--force"]),
    ("compare scenario.toml --quiet --resume", ["--resume", "--out"]),
    ("estimate one.txt two.txt", ["two.txt"]),
    (f"{COMPARE} --systems hat,hatt", ["--systems", "'hatt'", "hat, u-shape"]),
    (f"{COMPARE} --systems hat,hat", ["--systems", "'hat'", "twice"]),
    (f"{COMPARE} --systems ,", ["--systems"]),
    (f"{COMPARE} --systems", ["--systems"]),
    (f"{COMPARE} --set system.name=hat", ["--set system.name", "--systems"]),
    (f"{COMPARE} --set workload.rate_per_s=0", ["'workload.rate_per_s'", ">= 1e-09"]),
    (f"{COMPARE} --set workload.rate_per_sec=3", ["'workload.rate_per_sec'", "did you mean"]),
    (f"{COMPARE} --set workload", ["--set 'workload'", "key=value"]),
    (f"{COMPARE} --set cloud.token_budget=3", ["'cloud.token_budget'", "at least"]),
    (f"{COMPARE} --set workload.prompts.tokens=100000", ["8192", "100000"]),
    ("compare scenario.toml --quiet --out out --set seed=9223372036854775807 --seeds 2",
     ["--seeds 2", "9223372036854775807"]),
    ("capacity", ["scenario is required", "--help"]),
    (CAPACITY, ["--slo is required"]),
    (f"{CAPACITY} --slo ttft_p95_ms=9", ["--slo", "'ttft_p95_ms'", "known: ttft_mean_ms", "tbt_p90_ms"]),
    (f"{CAPACITY} --slo ttft=9", ["'ttft'", "known: ttft_mean_ms"]),
    (f"{CAPACITY} --slo ttft_p90_ms", ["'ttft_p90_ms'", "a number > 0", "got ''"]),
    (f"{CAPACITY} --slo ttft_p90_ms=nan", ["'ttft_p90_ms'", "a number > 0", "'nan'"]),
    (f"{CAPACITY} --slo ttft_p90_ms=9,ttft_p90_ms=8", ["'ttft_p90_ms'", "twice"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --systems hat,hatt", ["--systems", "'hatt'", "hat, u-shape"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --systems hat,hat", ["--systems", "'hat'", "twice"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --set system.name=hat", ["--set system.name", "--systems"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --set workload.arrivals=closed-loop", ["workload.rate_per_s", "closed"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --over link.latency_ms", ["--over", "KEY=V1,V2"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --over link.latency_ms=1,", ["--over", "KEY=V1,V2"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --over link.latency=1,2", ["--over: ", "'link.latency'", "did you mean"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --over link.latency_ms=1,-2", ["--over: ", "'link.latency_ms'", ">= 0", "-2"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --over link.latency_ms=1,2 --set link.latency=3", ["--set: ", "'link.latency'"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --over workload.rate_per_s=1,2", ["--over workload.rate_per_s", "looked for"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --over seed=1,2", ["--over seed", "--seeds"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --grow-fleet --over fleet.scale=1,2", ["--over fleet.scale", "--grow-fleet"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --over link.latency_ms=1,2 --set link.latency_ms=3", ["--set", "--over"]),
    (f"{CAPACITY} --slo tbt_p90_ms=9 --jobs 0", ["--jobs", "1", "1024", "0"]),
    ("capacity scenario.toml --quiet --slo tbt_p90_ms=9 --out=~/x", ["'~/x' begins with '~'"]),
    # What is to be validated.
    ("validate scenario.toml --live nowhere", ["--live: no run of a system in 'nowhere'", "summary.json"]),
    ("validate scenario.toml --live . --systems hat", ["--systems: 'hat' is not in ."]),
    ("validate scenario.toml --live . --systems cat", ["--systems: unknown system 'cat'", "hat, u-shape"]),
    ("validate scenario.toml --live . --set system.name=hat", ["--set system.name", "--systems"]),
    ("validate scenario.toml --live . --require ttft=3", ["--require: unknown figure 'ttft'", "ttft_mean, ttft_p50"]),
    ("validate scenario.toml --live . --require ttft_p50=x", ["--require", "percent > 0", "'x'"]),
    ("validate scenario.toml --live ~/run", ["'~/run' begins with '~'", "write"]),
    # Paths that a shell would have changed.
    ("simulate ~/scenario.toml --quiet", ["'~/scenario.toml' begins with '~'", "write"]),
    ("simulate scenario.toml --quiet --out=~/x", ["'~/x' begins with '~'", "write"]),
    ("simulate scenario.toml --quiet --timeline=~/x", ["'~/x' begins with '~'", "write"]),
    ("compare scenario.toml --quiet --jobs 1 --seeds 1 --no-figure --out=~/x", ["'~/x' begins with '~'"]),
    ("profile-model --hardware a6000 --model vicuna-7b --role cloud --out=~/x", ["'~/x' begins with '~'"]),
    ("profile-model --hardware a6000 --model ~/config.json --role cloud", ["'~/config.json' begins"]),
    (f"profile-show {PROFILE} --out=~/x.png", ["'~/x.csv' begins with '~'"]),
    ("trace-show ~/in.trace", ["'~/in.trace' begins with '~'"]),
    ("trace-import ~/in.jsonl --out t.trace", ["'~/in.jsonl' begins with '~'"]),
    # Profiles.
    (f"{MODEL} --hardware a6000 --model vicuna-7b --role cloud --max-tokens 0", ["--max-tokens", "1"]),
    (f"{MODEL} --hardware a6000 --model vicuna-7b --role cloud --max-context 9999999",
     ["--max-context", "262144"]),
    (f"{MODEL} --hardware a6000 --role cloud", ["--model is required", "--list"]),
    (f"{MODEL} --hardware a6000 --model vicuna-7b", ["--role is required", "--list"]),
    (f"{MODEL} --hardware b200 --model vicuna-7b --role cloud", ["'b200'", "a6000, a40"]),
    (f"{MODEL} --hardware a6000:turbo --model vicuna-7b --role cloud", ["'a6000:turbo'", "none"]),
    (f"{MODEL} --hardware agx-orin:99w --model vicuna-7b --role device",
     ["'agx-orin:99w'", "maxn, 50w"]),
    (f"{MODEL} --hardware agx-orin: --model vicuna-7b --role device", ["'agx-orin:'", "maxn"]),
    (f"{MODEL} --hardware a6000 --model gpt-5 --role cloud", ["'gpt-5'", "vicuna-7b"]),
    (f"{MODEL} --hardware a6000 --model vicuna-7b --role edge", ["'edge'", "device or cloud"]),
    (f"{MODEL} --hardware a6000 --model vicuna-7b --role cloud --dtype int4", ["int4", "fp16"]),
    (f"profile-show {PROFILE} --out a.gif", ["'a.gif'", ".png, .pdf or .svg"]),
    (f"profile-show {PROFILE} --out .png", ["'.png'", ".png, .pdf or .svg"]),
    (f"profile-show {PROFILE} --out", ["--out"]),
    ("trace-import in.jsonl", ["--out is required"]),
]

EMPTY = [  # a command, and the option or argument that is given empty
    ("simulate --quiet --out out", ("",), ["must not be empty"]),
    ("simulate scenario.toml --quiet", ("--out", ""), ["--out must not be empty"]),
    (SIMULATE, ("--timeline", ""), ["--timeline"]),
    (SIMULATE, ("--seed", ""), ["--seed"]),
    (SIMULATE, ("--explain", ""), ["--explain"]),
    (COMPARE, ("--systems", ""), ["--systems"]),
    (COMPARE.replace(" --out out", ""), ("--out", ""), ["--out"]),
    ("profile-model --out p.json --model vicuna-7b --role cloud", ("--hardware", ""),
     ["--hardware must not be empty"]),
    ("profile-model --hardware a6000 --model vicuna-7b --role cloud", ("--out", ""), ["--out"]),
    ("profile-show", ("",), ["must not be empty"]),
    (f"profile-show {PROFILE}", ("--out", ""), ["--out"]),
    ("trace-show", ("",), ["must not be empty"]),
    ("trace-import in.jsonl", ("--out", ""), ["--out"]),
]

ODD = [
    ("simulate --quiet --out out", (b"\xff.toml",), ["No such file"]),
    ("simulate --quiet --out out", ("x" * 100_000,), ["cannot read", "too long"]),
    ("simulate --quiet --out out", ("a\n\x1b[31mb.toml",), ["cannot read", "No such file"]),
    (SIMULATE, ("--" + "x" * 100_000,), ["--xxx"]),
    (SIMULATE, ("\x1b[31m",), ["[31m"]),
    (SIMULATE, ("\n",), ["--help"]),
]


class BadArgumentsTest(ProgramTest):
    pass


add_cases(BadArgumentsTest, [Case(command, command, words) for command, words in TABLE])
add_cases(BadArgumentsTest, [
    Case(f"{command} {ascii(arguments)[:40]}", command, words, arguments=arguments)
    for command, arguments, words in EMPTY + ODD])

if __name__ == "__main__":
    unittest.main()
