#!/usr/bin/env python3
"""Values of a scenario that are not allowed, each given by --set to a scenario that runs."""
import os
import unittest

from program_case import PROFILES, Case, ProgramTest, add_cases

ORIN = f"{PROFILES}/agx-orin-maxn_vicuna-7b_device.json"
ORIN_13B = f"{PROFILES}/agx-orin-maxn_vicuna-13b_device.json"
A6000 = f"{PROFILES}/a6000_vicuna-7b_cloud.json"

# What is set (several: one after the other), and what the message must say.
TABLE = [
    # Rates.
    (["workload.rate_per_s=0"], ["--set: 'workload.rate_per_s'", ">= 1e-09", "got 0"]),
    (["workload.rate_per_s=-1"], ["'workload.rate_per_s'", ">= 1e-09", "got -1"]),
    (["workload.rate_per_s=nan"], ["'workload.rate_per_s'", ">= 1e-09", "got nan"]),
    (["workload.rate_per_s=inf"], ["'workload.rate_per_s'", "<= 1e+06", "got inf"]),
    (["workload.rate_per_s=1e308"], ["'workload.rate_per_s'", "<= 1e+06", "got 1e+308"]),
    (["workload.rate_per_s=1e999"], ["'workload.rate_per_s'", "<= 1e+06"]),
    (["workload.rate_per_s=010"], ["'workload.rate_per_s'", "got '010'"]),
    (["workload.rate_per_s='6'"], ["'workload.rate_per_s'", "got '6' in quotes: write it without"]),
    (["system.draft_ahead='true'"], ["'system.draft_ahead'", "got 'true' in quotes: write it"]),
    (["workload.rate_per_s=''"], ["'workload.rate_per_s'", "a number", "got ''"]),
    (["workload.rate_per_s="], ["'workload.rate_per_s'", "a number"]),
    (["workload.rate_per_s=true"], ["'workload.rate_per_s'", "a number", "got true"]),
    (["workload.rate_per_s=[6]"], ["'workload.rate_per_s'", "a number", "got [ 6 ]"]),
    (["workload.rate_per_s=2024-01-01"], ["'workload.rate_per_s'", "a number", "2024-01-01"]),
    (["workload.duration_s=1e-6"], ["no request arrived within workload.duration_s = 1e-06", "make it longer"]),
    (["workload.duration_s=1", "workload.requests=100", "workload.warmup_requests=90"],
     ["requests arrived within workload.duration_s = 1", "nothing was measured", "workload.warmup_requests = 90"]),
    (["link.up.rate_mbps=0"], ["'link.up.rate_mbps'", ">= 1e-06"]),
    (["link.down.rate_mbps=-5"], ["'link.down.rate_mbps'", ">= 1e-06"]),
    (["link.up.rate_mbps=1e-9"], ["'link.up.rate_mbps'", ">= 1e-06", "got 1e-09"]),
    (["link.up.rate_mbps=1e308"], ["'link.up.rate_mbps'", "<= 1e+06"]),
    (["link.latency_ms=-1"], ["'link.latency_ms'", ">= 0"]),
    (["link.latency_ms=nan"], ["'link.latency_ms'", ">= 0", "got nan"]),
    (["link.efficiency=0"], ["'link.efficiency'", "> 0 and <= 1"]),
    (["link.efficiency=1.01"], ["'link.efficiency'", "> 0 and <= 1"]),
    (["cloud.stage_link_gbps=0"], ["'cloud.stage_link_gbps'", "> 0"]),
    (["link.up.kind=uniform"], ["'link.up.low_mbps' is missing", ">= 1e-06"]),
    (["link.up.kind=uniform", "link.up.rate_mbps=3"],
     ["--set: 'link.up.rate_mbps' means nothing", "uniform"]),
    (["link.down={kind='uniform',low_mbps=9,high_mbps=8}"],
     ["'link.down.high_mbps'", "at least low_mbps = 9"]),
    (["link.kind=shared"], ["'link.kind'", "cell_mbps, ingress_mbps, egress_mbps"]),
    (["link.cell_mbps=5"], ["'link.cell_mbps' means nothing", "dedicated"]),
    (["link.radio.jitter_ms=-1"], ["'link.radio.jitter_ms'", ">= 0"]),
    (["link.radio.stall_every_s=1"], ["'link.radio.stall_ms' is missing", "> 0"]),
    (["link.radio={stall_every_s=0,stall_ms=5}"],
     ["'link.radio.stall_ms' means nothing", "stall_every_s = 0"]),
    (["link.tcp.window_kb=0"], ["'link.tcp.window_kb'", "> 0"]),
    (["link.tcp.pause_ms=-3"], ["'link.tcp.pause_ms'", "> 0"]),
    (["link.kind=shared", "link.cell_mbps=5", "link.tcp.pause_ms=1"],
     ["'link.tcp", "means nothing", "shared"]),
    (["link.kind=shared", "link.cell_mbps=5", "link.radio.jitter_ms=1"],
     ["'link.radio", "means nothing", "shared"]),
    # Counts.
    (["workload.requests=0"], ["'workload.requests'", "1..100000000", "got 0"]),
    (["workload.requests=-4"], ["'workload.requests'", "1..100000000", "got -4"]),
    (["workload.requests=1.5"], ["'workload.requests'", "an integer", "got 1.5"]),
    (["workload.requests=9223372036854775807"], ["'workload.requests'", "1..100000000"]),
    (["workload.requests=9223372036854775808"], ["'workload.requests'", "1..100000000"]),
    (["workload.requests=99999999999999999999999999"], ["'workload.requests'", "1..100000000"]),
    (["workload.requests=0", "workload.duration_s=0"], ["'workload.requests'", "1..100000000"]),
    (["workload.duration_s=0"], ["'workload.duration_s'", "> 0"]),
    (["workload.duration_s=1e308"], ["'workload.duration_s'", "<= 1e+09"]),
    (["workload.warmup_requests=4"], ["'workload.warmup_requests'", "below workload.requests = 4"]),
    (["workload.warmup_requests=-1"], ["'workload.warmup_requests'", "0..100000000"]),
    (["fleet.class.0.count=0"], ["'fleet.class.0.count'", "1..10000000"]),
    (["fleet.class.0.count=-3"], ["'fleet.class.0.count'", "1..10000000", "got -3"]),
    (["fleet.max_sessions=0"], ["'fleet.max_sessions'", "1..1000000"]),
    (["fleet.max_sessions=-1"], ["'fleet.max_sessions'", "1..1000000"]),
    (["fleet.power_mode_requests=0"], ["'fleet.power_mode_requests'", "1..1000000000"]),
    (["model.device_layers=0"], ["'model.device_layers'", "1..", "got 0"]),
    (["model.device_layers=32"], ["'model.device_layers'", "1 to 31"]),
    (["model.device_layers=31", "cloud.stages=2"], ["'cloud.stages'", "1 to 1"]),
    (["cloud.stages=0"], ["'cloud.stages'", "1..1000"]),
    (["cloud.replicas=0"], ["'cloud.replicas'", "1..", "got 0"]),
    (["workload.prompts.tokens=0"], ["'workload.prompts.tokens'", "1..1000000"]),
    (["workload.outputs.tokens=-1"], ["'workload.outputs.tokens'", "1..1000000"]),
    (["seed=-1"], ["'seed'", "0..9223372036854775807", "got -1"]),
    (["seed=18446744073709551616"], ["'seed'", "0..9223372036854775807"]),
    (["policy.max_draft=0"], ["'policy.max_draft'", "1..1000"]),
    (["policy.draft_threshold=1.5"], ["'policy.draft_threshold'", ">= 0 and <= 1"]),
    (["policy.chunk_min=300", "policy.chunk_max=200"], ["'policy.chunk_min'", "policy.chunk_max"]),
    (["policy.chunk_initial=5"], ["'policy.chunk_initial'", "32", "256", "got 5"]),
    (["system.drafting=fixed", "policy.draft_fixed=50"], ["'policy.draft_fixed'", "max_draft"]),
    # Names.
    (["system.name=hatt"], ["'system.name'", "hatt", "'hat', 'u-shape'"]),
    (["system.name=''"], ["'system.name'", "'hat', 'u-shape'"]),
    (["system.name=1"], ["'system.name'", "'hat', 'u-shape'", "got 1"]),
    (["system.chunking=big"], ["'system.chunking'", "'big'", "monitor"]),
    (["system.drafting=sometimes"], ["'system.drafting'", "'sometimes'", "threshold"]),
    (["system.prefill_cut=half"], ["'system.prefill_cut'", "'half'", "'split', 'fixed', 'whole'"]),
    (["system.draft_ahead=1"], ["'system.draft_ahead'", "true or false", "got 1"]),
    (["system.name=u-medusa", "policy.tree=oak"], ["'policy.tree'", "'oak'", "chain-2"]),
    (["acceptance.tree=oak"], ["'acceptance.tree'", "'oak'", "chain-2"]),
    (["acceptance.policy=oak"], ["'acceptance.policy'", "'oak'", "threshold"]),
    (["model.shape=vicuna-7"], ["'model.shape'", "'vicuna-7'", "vicuna-7b", "config.json"]),
    (["model.shape=nowhere/config.json"], ["'model.shape'", "nowhere/config.json", "No such file"]),
    (["model.wire_dtype=int8"], ["'model.wire_dtype'", "'float32', 'fp32', 'float16', 'fp16', 'bfloat16', 'bf16'", "int8"]),
    (["workload.arrivals=sometimes"], ["'workload.arrivals'", "'poisson', 'gamma'", "sometimes"]),
    (["workload.prompts.kind=long"], ["'workload.prompts.kind'", "'csv', 'lognormal', 'constant'"]),
    (["link.up.kind=fast"], ["'link.up.kind'", "'constant', 'uniform', 'trace'"]),
    # Unknown keys.
    (["workload.rate_per_sec=3"],
     ["--set: unknown key 'workload.rate_per_sec'", "did you mean 'workload.rate_per_s'?"]),
    (["workloads.rate_per_s=3"], ["unknown key 'workloads'", "did you mean 'workload'?"]),
    (["rate_per_s=3"], ["unknown key 'rate_per_s'", "did you mean 'workload.rate_per_s'?"]),
    (["fleet.class.0.number=3"], ["unknown key 'fleet.class.0.number'"]),
    (["cloud.kvtokens=3"], ["unknown key 'cloud.kvtokens'", "'cloud.kv_tokens'?"]),
    # Keys that contradict each other.
    (["workload.arrivals=closed-loop", "workload.rate_per_s=3"], ["--set: 'workload.rate_per_s' means nothing", "closed-loop"]),
    (["workload.burstiness=2"], ["'workload.burstiness' means nothing", "poisson"]),
    (["workload.prompts.path=a.csv"], ["'workload.prompts.path' means nothing", "constant"]),
    (["cloud.stage_link_gbps=1", "cloud.stage_link_mbps=1"],
     ["'cloud.stage_link_mbps' means nothing", "stage_link_gbps"]),
    (["acceptance.trace=t.trace", "acceptance.accept_length=2"],
     ["'acceptance.accept_length' means nothing", "acceptance.trace"]),
    # What can never work.
    (["workload.prompts.tokens=3000", "cloud.kv_tokens=2000"],
     ["scenario.toml", "KV cache", "3000 prompt + 12 output", "'cloud.kv_tokens' = 2000"]),
    (["cloud.token_budget=3", "policy.max_draft=8"],
     ["scenario.toml", "'cloud.token_budget'", "at least 9", "got 3"]),
    (["system.name=u-medusa", "cloud.token_budget=3"], ["'cloud.token_budget'", "at least 5"]),
    (["cloud.memory_gb=1"], ["'cloud.memory_gb'", "leaves no room", "kv_tokens"]),
    (["workload.prompts.tokens=100000"],
     ["contexts up to 8192", "needs 100021", "agx-orin-maxn_vicuna-7b_device.json",
      "every request (workload.prompts.tokens, workload.outputs.tokens)", "--max-context 100021"]),
    (["workload.prompts={kind='lognormal',mu=5,sigma=1,max=5000}"],
     ["up to 4096 new tokens", "a request (workload.prompts.max,", "--max-tokens 5000"]),
    (["fleet.class.0.count=30", "fleet.scale=1e6"], ["'fleet.scale'", "at most 10000000"]),
    (["fleet.scale=1e7"], ["'fleet.scale'", "> 0 and <= 1e+06"]),
    (["fleet.scale=0"], ["'fleet.scale'", "> 0"]),
    (["fleet.class.0.count=10000000", "fleet.scale=10"], ["'fleet.scale'", "10000000"]),
    (["cloud.replicas=100000", "cloud.stages=30"], ["'cloud.replicas'"]),
    (["acceptance.accept_length=20"], ["'acceptance.accept_length'", "1 to "]),
    (["acceptance.accept_length=0.5"], ["'acceptance.accept_length'", ">= 1"]),
    (["acceptance.medusa_accept_length=6"], ["'acceptance.medusa_accept_length'", "1 to 5"]),
    (["acceptance.rank_curve=[0.6,0.6]"], ["'acceptance.rank_curve'", "at most 1", "1.2"]),
    # Profiles of something else.
    ([f"fleet.class.0.profiles=['{ORIN_13B}']"], [ORIN_13B, "vicuna-13b", "scenario.toml"]),
    ([f"fleet.class.0.profiles=['{A6000}']"], [A6000, "device", "cloud"]),
    ([f"cloud.profile={ORIN}"], [ORIN, "cloud", "device"]),
    (["fleet.class.0.profiles=[]"], ["'fleet.class.0.profiles'", "at least one"]),
    (["fleet.class.0.profiles=[1]"], ["'fleet.class.0.profiles'", "an array of strings"]),
    (["fleet.class.0.profiles=['~/p.json']"],
     ["--set: 'fleet.class.0.profiles' begins with '~'", "write"]),
    (["link.up={kind='trace',trace='~/up.csv'}"],
     ["--set: 'link.up.trace' begins with '~'", "write"]),
    (["fleet.class.0.profiles=['nowhere.json']"], ["nowhere.json", "No such file"]),
    (["model.shape=llama-3-8b"], ["vicuna-7b", "llama-3-8b"]),
    # --set itself.
    (["workload.rate_per_s"], ["--set 'workload.rate_per_s'", "key=value"]),
    (["=5"], ["--set", "key"]),
    ([""], ["--set must not be empty"]),
    (["workload..rate_per_s=5"], ["--set: 'workload..rate_per_s'", "not a key"]),
    ([".=5"], ["--set", "not a key"]),
    (["workload.=5"], ["--set: 'workload.'", "not a key"]),
    (["seed.x=5"], ["--set: 'seed'", "an integer", "a table"]),
    (["name.x=5"], ["--set: 'name.x' cannot be set", "'name' is not a table"]),
    (["fleet.class.7.count=5"], ["--set: 'fleet.class.7.count' cannot be set"]),
    (["fleet.class.-1.count=5"], ["--set: 'fleet.class.-1.count' cannot be set"]),
    (["workload=5"], ["--set: 'workload'", "must be a table", "got 5"]),
    (["fleet.class=5"], ["--set: 'fleet.class'", "must be tables", "got 5"]),
    (["workload.rate_per_s=5\nseed=7"], ["--set: 'workload.rate_per_s'", "a number"]),
    (["workload.rate_per_s=" + "9" * 100_000], ["'workload.rate_per_s'"]),
    (["workload.rate_per_s=" + "[" * 50_000], ["'workload.rate_per_s'", "a number"]),
    (["a." * 30_000 + "b=1"], ["unknown key 'a"]),
    (["x" * 100_000 + "=1"], ["unknown key 'xxx"]),
    (["workload.\x1b[31mrate=1"], ["unknown key 'workload."]),
    ([b"name=\xff\xfe"], ["--set 'name=", "UTF-8"]),
    ([b"\xff\xfe=1"], ["--set", "UTF-8"]),
]


def case_of(settings, words):
    shown = " ".join(text.decode("latin1") if isinstance(text, bytes) else text
                     for text in settings)
    shown = shown.replace(str(PROFILES), "...")  # which is as long as where the clone lies
    arguments = [word for text in settings for word in ("--set", text)]
    return Case(shown[:60], "simulate scenario.toml --quiet --out out", words,
                arguments=tuple(arguments))


class BadValuesTest(ProgramTest):
    pass


class MachineTest(ProgramTest):
    """More than this machine can hold, unless it is a very large one."""

    def check_too_much(self, override, bytes_each, words):
        _, count = override.split("=")
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if int(count) * bytes_each < memory / 2:
            self.skipTest("this machine could hold it")
        self.check(case_of([override], words))

    def test_devices(self):
        self.check_too_much("fleet.class.0.count=10000000", 4096,
                            ["scenario.toml", "10000000 devices", "memory", "fleet.scale"])

    def test_requests(self):
        self.check_too_much("workload.requests=100000000", 1024,
                            ["scenario.toml", "100000000 requests", "memory", "workload.requests"])


add_cases(BadValuesTest, [case_of(*row) for row in TABLE])

if __name__ == "__main__":
    unittest.main()
