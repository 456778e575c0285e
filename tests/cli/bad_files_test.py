#!/usr/bin/env python3
"""Input files that cannot be read, are malformed, or hold what is not allowed."""
import gzip
import json
import unittest

from draft_trace_bytes import draft_trace, header, sealed, with_header
from program_case import PROFILES, SANITIZED, SCENARIO, Case, ProgramTest, add_cases, changed

BINARY = bytes(range(256)) * 8
ORIN = (PROFILES / "agx-orin-maxn_vicuna-7b_device.json").read_text()
TRACE_LINES = (
    '{"model": "m", "model_sha256": "' + "a" * 64 + '", "prompts_sha256": "' + "b" * 64 + '",'
    ' "output_tokens": 2, "max_steps": 1, "medusa_heads": 0}\n'
    '{"row": 0, "prompt_tokens": 20, "t": [{"confidence": [0.5], "agreed": 1}]}\n')
CONFIG = ('{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 4, '
          '"num_attention_heads": 8, "intermediate_size": 96, "vocab_size": 100}')

SIMULATE = "simulate scenario.toml --quiet --out out"
MODEL = "profile-model --hardware a6000 --role cloud --out p.json --model config.json"


IMPORT = "workload-import auto in.csv --out out.csv"
IMPORT_LINK = "link-import auto in.csv --out out.csv"


def with_prompts(path):
    return changed(SCENARIO, 'kind = "constant"\ntokens = 20', f'kind = "csv"\npath = "{path}"')


def with_trace(path):
    return changed(SCENARIO, "rate_mbps = 60", f'kind = "trace"\ntrace = "{path}"')


def with_replay(path):
    return changed(SCENARIO, "rate_per_s = 6\nrequests = 4",
                   f'arrivals = "replay"\nreplay = "{path}"')


def with_device(path):
    return changed(SCENARIO, f"{PROFILES}/agx-orin-maxn_vicuna-7b_device.json", path)


def with_draft_trace(path):
    return SCENARIO + f'[acceptance]\ntrace = "{path}"\n'


# Every file that a program reads: its name, the command, the scenario that names it (or none).
INPUTS = [
    ("scenario", "simulate in.toml --quiet --out out", "in.toml", None),
    ("scenario of compare", "compare in.toml --quiet --out out", "in.toml", None),
    ("prompts", SIMULATE, "in.csv", with_prompts("in.csv")),
    ("arrivals", SIMULATE, "in.csv", with_replay("in.csv")),
    ("rates", SIMULATE, "in.csv", with_trace("in.csv")),
    ("device profile", SIMULATE, "in.json", with_device("in.json")),
    ("draft trace", SIMULATE, "in.trace", with_draft_trace("in.trace")),
    ("profile to show", "profile-show in.json --out p.png", "in.json", None),
    ("model config", MODEL.replace("config", "in"), "in.json", None),
    ("draft trace to show", "trace-show in.trace", "in.trace", None),
    ("draft trace to import", "trace-import in.jsonl --out t.trace", "in.jsonl", None),
    ("specification of a calibration", "calibrate in.toml --quiet --out out", "in.toml", None),
    ("requests to import", IMPORT, "in.csv", None),
    ("link to import", IMPORT_LINK, "in.csv", None),
]


def for_every_input():
    for name, command, file, scenario in INPUTS:
        files = {} if scenario is None else {"scenario.toml": scenario}
        yield Case(f"{name} missing", command, (f"'{file}'", "No such file"), files)
        yield Case(f"{name} a folder", command, (f"'{file}'", "directory"), {**files, file: None})
        yield Case(f"{name} binary", command, (file,), {**files, file: BINARY})
        yield Case(f"{name} empty", command, (file,), {**files, file: ""})
        yield Case(f"{name} one long line", command, (file,), {**files, file: "x" * 1_000_000})
        yield Case(f"{name} only newlines", command, (file,), {**files, file: "\n" * 1_000_000})
        yield Case(f"{name} no UTF-8", command, (file,), {**files, file: "näme,1\n".encode("latin1")})


# The thread sanitizer's own record of calls ends at 65,536.
DEEP = 10_000 if SANITIZED == "thread" else 100_000

# A scenario's text.
TOML = [
    ("an open table", "[workload\n", ["in.toml:1"]),
    ("an open string", 'name = "a\n', ["in.toml:1"]),
    ("a value missing", "name =\n", ["in.toml:1"]),
    ("a key twice", 'name = "a"\nname = "b"\n', ["in.toml:2"]),
    ("a table twice", "[link]\n[link]\n", ["in.toml:2", "link"]),
    ("nested too deeply", "a = " + "[" * 100_000, ["in.toml:1"]),
    ("keys nested too deeply", ".".join("a" * DEEP) + " = 1\n", ["in.toml"]),
    ("tables nested too deeply", "[" + ".".join("a" * DEEP) + "]\n", ["in.toml"]),
    ("inline tables nested too deeply", "a = " + "{a = " * 100_000, ["in.toml:1"]),
    ("nothing but a comment", "# later\n", ["in.toml", "'model.shape' is missing"]),
    ("a typing mistake", changed(SCENARIO, "rate_per_s", "rate_per_sec"),
     ["in.toml:21: 'workload.rate_per_s' is missing", "'workload.rate_per_sec' stands there"]),
    ("a typing mistake in a table", changed(SCENARIO, "[workload]", "[worklaod]"),
     ["in.toml:20: 'workload.rate_per_s' is missing", "'worklaod' stands there"]),
    ("a number in quotes", changed(SCENARIO, "rate_per_s = 6", 'rate_per_s = "6"'),
     ["in.toml:21", "'workload.rate_per_s'", "got '6' in quotes: write it without them"]),
    ("a text without quotes", changed(SCENARIO, '"vicuna-7b"', "vicuna-7b"),
     ["in.toml:4", "text stands in quotes"]),
    ("half a request", changed(SCENARIO, "requests = 4", "requests = 4.5"),
     ["in.toml:22", "'workload.requests'", "an integer", "got 4.5"]),
    ("JSON", '{\n"name": "a"\n}\n', ["in.toml:1", "looks like a JSON object", "TOML is wanted"]),
    ("compressed", gzip.compress(SCENARIO.encode()), ["in.toml", "gzip: unpack it first"]),
    ("a path from the home folder", changed(SCENARIO, f"{PROFILES}/a6000", "~/a6000"),
     ["in.toml:17", "'cloud.profile' begins with '~'", "write"]),
    ("an unknown key", changed(SCENARIO, "stages = 2", "stages = 2\nstage = 2"),
     ["in.toml:19", "unknown key 'cloud.stage'", "did you mean 'cloud.stages'?"]),
    ("an unknown table", SCENARIO + "[polcy]\n", ["in.toml:28", "'polcy'", "'policy'?"]),
    ("a wrong type", changed(SCENARIO, "requests = 4", 'requests = "4"'),
     ["in.toml:22", "'workload.requests'", "an integer in 1..100000000", "got '4'"]),
    ("a table for a number", changed(SCENARIO, "stages = 2", "stages = {}"),
     ["in.toml:18", "'cloud.stages'", "an integer", "a table"]),
    ("one table for many", changed(SCENARIO, "[[fleet.class]]", "[fleet.class]"),
     ["in.toml:7", "'fleet.class'", "[[class]]"]),
    ("no devices", changed(SCENARIO, "[[fleet.class]]", "[fleet.x]"), ["'fleet.class'", "missing"]),
    ("a class twice", SCENARIO + '[[fleet.class]]\nname = "orin"\ncount = 1\nprofiles = ["x"]\n',
     ["'fleet.class.1.name'", "'orin'", "taken"]),
    ("no end of arrivals", changed(SCENARIO, "requests = 4\n", ""),
     ["in.toml:20", "'workload.requests'", "workload.duration_s"]),
    ("a huge integer", changed(SCENARIO, "requests = 4", "requests = 99999999999999999999"),
     ["in.toml:22"]),
    ("a huge number", changed(SCENARIO, "rate_per_s = 6", "rate_per_s = 1e999"), ["in.toml:21"]),
    ("a closed loop of 9,000,000 devices",
     changed(changed(SCENARIO, "rate_per_s = 6", 'arrivals = "closed-loop"'),
             "count = 2", "count = 9_000_000"), ["in.toml", "9000000", "fleet.scale"]),
]

PROMPTS = [
    ("no such column", "tokens\n5\n", ["in.csv:1", "'prompt_tokens'", "'tokens'"]),
    ("no rows", "prompt_tokens\n", ["in.csv", "at least one row"]),
    ("a word", "prompt_tokens\n5\nmany\n", ["in.csv:3", "1..1000000", "'many'"]),
    ("zero", "prompt_tokens\n0\n", ["in.csv:2", "1..1000000", "'0'"]),
    ("negative", "prompt_tokens\n-5\n", ["in.csv:2", "1..1000000", "'-5'"]),
    ("huge", "prompt_tokens\n99999999999999999999\n", ["in.csv:2", "1..1000000"]),
    ("a fraction", "prompt_tokens\n1.5\n", ["in.csv:2", "an integer", "'1.5'"]),
    ("a fraction in a column with points", "prompt_tokens\n20.0\n20.5\n",
     ["in.csv:3", "an integer", "'20.5'"]),
    ("an empty field", "prompt_tokens,x\n20.0,1\n,1\n",
     ["in.csv:3", "'prompt_tokens' is an empty cell", "an integer"]),
    ("an empty field alone", 'prompt_tokens\n5\n""\n', ["in.csv:3", "an empty cell"]),
    ("JSON lines", '{"prompt_tokens": 5}\n{"prompt_tokens": 6}\n',
     ["in.csv: looks like JSON lines", "CSV is wanted", "a header line", "commas"]),
    ("a JSON array", '[{"prompt_tokens": 5}]\n', ["in.csv: looks like a JSON array", "CSV is wanted"]),
    ("tabs", "prompt_tokens\tx\n5\t6\n", ["in.csv", "tabs between them", "CSV is wanted"]),
    ("semicolons", "prompt_tokens;x\n5;0,5\n", ["in.csv", "semicolons between them", "points"]),
    ("compressed", gzip.compress(b"prompt_tokens\n5\n"), ["in.csv: is", "gzip: unpack it first"]),
    ("a Parquet file", b"PAR1\x15\x04\x15\x10PAR1", ["in.csv: is a Parquet file: export it"]),
    ("a spreadsheet", b"PK\x03\x04\x14\0\x06\0", ["in.csv: is a zip archive or a spreadsheet"]),
    ("UTF-16", "prompt_tokens\n5\n".encode("utf-16"), ["in.csv: is text in UTF-16: save it as UTF-8"]),
    ("a field too many", "prompt_tokens\n5,6\n", ["in.csv:2", "2 fields", "header has 1"]),
    ("a column twice", "prompt_tokens,prompt_tokens\n5,6\n", ["in.csv:1", "'prompt_tokens'"]),
    ("an open quote", 'prompt_tokens\n"5\n6\n', ["in.csv:2", "quoted field does not end"]),
    ("a quote inside", 'prompt_tokens\n5"6\n', ["in.csv:2", "quote"]),
    ("a zero byte", b"prompt_tokens\n5\0\n", ["in.csv:2", "an integer"]),
    ("a control character", "prompt_tokens\n\x1b[31m5\n", ["in.csv:2", "an integer"]),
    ("longer than the profiles", "prompt_tokens\n5\n9000\n",
     ["contexts up to 8192", "(prompt row 1 of in.csv, workload.outputs.tokens) needs 9021",
      "9000 prompt + 12 output + 9 draft", "hat profile model --max-context 9021",
      "allow_extrapolation"]),
    ("longer in one operation than the profiles", "prompt_tokens\n5000\n",
     ["up to 4096 new tokens", "request 0 (prompt row 0 of in.csv, ", "5000 of its prompt",
      "hat profile model --max-tokens 5000"]),
    ("never fitting", "prompt_tokens\n5\n999999\n",
     ["scenario.toml", "prompt row 1", "KV cache", "999999"]),
]

ARRIVALS = [
    ("no such column", "t\n5\n", ["in.csv:1", "'arrival_s'", "'t'"]),
    ("no rows", "arrival_s\n", ["in.csv", "at least one row"]),
    ("not a number", "arrival_s\nnan\n", ["in.csv:2", ">= 0", "'nan'"]),
    ("infinite", "arrival_s\ninf\n", ["in.csv:2", "<= 1e+09", "'inf'"]),
    ("too large", "arrival_s\n1e308\n", ["in.csv:2", "<= 1e+09", "'1e308'"]),
    ("negative", "arrival_s\n-1\n", ["in.csv:2", ">= 0", "'-1'"]),
    ("descending", "arrival_s\n5\n4\n", ["in.csv:3", "ascending", "'4'"]),
]

RATES = [
    ("no such column", "seconds,rate\n0,5\n", ["in.csv:1", "'mbps'", "'rate'"]),
    ("no rows", "seconds,mbps\n", ["in.csv", "'mbps' of 1e-06 or more"]),
    ("never any", "seconds,mbps\n0,0\n1,0\n", ["in.csv", "'mbps' of 1e-06 or more"]),
    ("not a number", "seconds,mbps\n0,nan\n", ["in.csv:2", "'mbps'", ">= 0"]),
    ("negative", "seconds,mbps\n0,-5\n", ["in.csv:2", "'mbps'", ">= 0"]),
    ("too large", "seconds,mbps\n0,1e308\n", ["in.csv:2", "'mbps'", "<= 1e+06"]),
    ("descending", "seconds,mbps\n1,5\n0,5\n", ["in.csv:3", "'seconds'", "ascending"]),
    ("an empty field", "seconds,mbps\n0,5\n1,\n", ["in.csv:3", "'mbps' is an empty cell"]),
    ("milliseconds of zero", "0\n0\n0\n", ["in.csv: every stamp is 0", "at least 1 (ms)", "rate_mbps"]),
    ("milliseconds descending", "5\n4\n", ["in.csv:2", "from 5", "'4'"]),
    ("milliseconds too late", "5\n999999999999\n", ["in.csv:2", "100000000"]),
    ("milliseconds and words", "5\nsoon\n", ["in.csv:2", "whole number", "'soon'"]),
]


def profile(**changes):
    return json.dumps({**json.loads(ORIN), **changes})


def profile_model(**changes):
    return profile(model={**json.loads(ORIN)["model"], **changes})


def profile_layer(points):
    operations = json.loads(ORIN)["operations"]
    return profile(operations={**operations, "layer": {"unit": "us", "points": points}})


def point(tokens=1, context=0, **latency):
    return {"tokens": tokens, "context": context, **(latency or {"samples_us": [5]})}


PROFILE = [
    ("cut off", ORIN[:len(ORIN) // 2], ["in.json", "not valid JSON"]),
    ("nested too deeply", "[" * 1_000_000, ["in.json", "64 levels"]),
    ("nested too deeply and closed", "[" * 1_000_000 + "]" * 1_000_000,
     ["in.json", "64 levels"]),
    ("objects nested too deeply", '{"a":' * 1_000_000, ["in.json", "64 levels"]),
    ("something after", ORIN + "x", ["in.json", "not valid JSON"]),
    ("not an object", "[]", ["in.json", "must be an object"]),
    ("a key twice", '{"format": 1, "format": 2}', ["in.json", "'format'", "twice"]),
    ("another format", profile(format="hat-profile/9"), ["'format'", "hat-profile/1", "/9"]),
    ("an unknown key", profile(colour="red"), ["in.json", "'colour'", "power_mode"]),
    ("an unknown role", profile(role="edge"), ["'role'", "device, cloud", "edge"]),
    ("a number for a name", profile(id=5), ["'id'", "a string"]),
    ("an id with a newline", profile(id="a\nb", format="x"), ["'format'"]),
    ("an infinite number", ORIN.replace('"samples_us":[', '"samples_us":[1e999,', 1), ["in.json"]),
    ("not a number", ORIN.replace('"samples_us":[', '"samples_us":[NaN,', 1), ["not valid JSON"]),
    ("no memory", profile(memory_bytes=0), ["'memory_bytes'", "1.."]),
    ("negative memory", profile(memory_bytes=-5), ["'memory_bytes'", "1..", "-5"]),
    ("no layers", profile_model(layers=0), ["'model.layers'", "1..", "0"]),
    ("half a head", profile_model(heads=1.5), ["'model.heads'", "an integer", "got 1.5"]),
    ("a number in quotes", profile_model(heads="32"),
     ["'model.heads'", 'got "32" in quotes: write it without them']),
    ("compressed", gzip.compress(ORIN.encode()), ["in.json: is compressed with gzip: unpack it"]),
    ("huge hidden size", profile_model(hidden=10**30), ["'model.hidden'", "an integer"]),
    ("another hidden size", profile_model(hidden=64), ["in.json", "hidden 64", "scenario.toml"]),
    ("no operations", profile(operations={}), ["'operations.embedding' is missing"]),
    ("no points", profile_layer([]), ["'operations.layer'", "no points"]),
    ("no samples", profile_layer([point(samples_us=[])]), ["'operations.layer'", "no samples"]),
    ("a sample of zero", profile_layer([point(samples_us=[0])]), ["'operations.layer'", "> 0"]),
    ("a negative sample", profile_layer([point(samples_us=[-1])]), ["samples_us[0]", "0..", "-1"]),
    ("a huge sample", profile_layer([point(samples_us=[1e300])]), ["samples_us[0]", "1e"]),
    ("samples and quantiles", profile_layer([point(samples_us=[1], quantiles_us=[[0.5, 1]])]),
     ["'operations.layer.points[0]'", "either 'samples_us' or 'quantiles_us'"]),
    ("falling quantiles", profile_layer([point(quantiles_us=[[0.5, 2], [0.9, 1]])]),
     ["'operations.layer'", "quantiles"]),
    ("a point twice", profile_layer([point(), point()]), ["'operations.layer'", "points[1]"]),
    ("a hole in the grid", profile_layer([point(1), point(1, 8), point(2)]), ["full grid"]),
    ("negative tokens", profile_layer([point(-1)]), ["points[0].tokens", "1.."]),
    ("another unit", profile(operations={**json.loads(ORIN)["operations"],
                                         "layer": {"unit": "ms", "points": []}}),
     ["'operations.layer.unit'", "us", "ms"]),
    ("of a cloud", (PROFILES / "a6000_vicuna-7b_cloud.json").read_text(),
     ["in.json", "device", "cloud"]),
    ("a grid that ends early", profile_layer([point(1), point(1, 64), point(4), point(4, 64)]),
     ["in.json", "up to 4 new tokens", "20"]),
]

MODEL_CONFIG = [
    ("malformed", CONFIG[:-1], ["config.json", "not valid JSON"]),
    ("an array", "[]", ["config.json", "must be an object"]),
    ("another architecture", CONFIG.replace("llama", "gpt2"), ["'model_type'", "llama", "gpt2"]),
    ("no vocabulary", CONFIG.replace("vocab_size", "vocab"), ["'vocab_size' is missing"]),
    ("no layers", CONFIG.replace('layers": 4', 'layers": 0'), ["'num_hidden_layers'", "1..10000", "0"]),
    ("negative layers", CONFIG.replace('layers": 4', 'layers": -4'), ["'num_hidden_layers'", "1..10000", "-4"]),
    ("too many layers", CONFIG.replace('layers": 4', 'layers": 9999999'), ["'num_hidden_layers'", "1..10000"]),
    ("a word", CONFIG.replace("96", '"96"'), ["'intermediate_size'", "an integer"]),
    ("heads that do not divide", CONFIG.replace("8,", "7,"), ["'hidden_size'", "multiple", "7"]),
    ("groups that do not divide", CONFIG[:-1] + ', "num_key_value_heads": 3}',
     ["'num_key_value_heads'", "divide"]),
    ("a bias", CONFIG[:-1] + ', "attention_bias": true}', ["'attention_bias'", "false"]),
    ("no boolean", CONFIG[:-1] + ', "tie_word_embeddings": "no"}',
     ["'tie_word_embeddings'", "true or false"]),
]

DRAFT_TRACE = [
    ("cut off", draft_trace()[:-50], ["in.trace", "truncated or changed"]),
    ("a bit changed", bytes([*draft_trace()[:200], 0xff, *draft_trace()[201:]]),
     ["in.trace", "truncated or changed"]),
    ("only its magic", b"HATDRAFT", ["in.trace", "truncated"]),
    ("another schema", draft_trace(schema=2), ["in.trace", "'schema'", "1..1", "2"]),
    ("an unknown key", draft_trace(colour="red"), ["in.trace", "'colour'"]),
    ("a header that is no JSON", with_header("{", b""), ["in.trace", "not valid JSON"]),
    ("a header beyond the file", sealed(b"HATDRAFT" + b"\xff" * 4), ["in.trace", "header", "bytes"]),
    ("a billion rows", with_header(json.dumps(header(rows=10**9)), b""), ["in.trace", "bytes of rows"]),
    ("no rows", with_header(json.dumps(header(rows=0)), b""), ["'rows'", "1.."]),
    ("negative rows", with_header(json.dumps(header(rows=-1)), b""), ["'rows'", "1..", "-1"]),
    ("confidence above one", draft_trace(confidence=1.5), ["prompt row 0, t = 1", "0 to 1", "1.5"]),
    ("confidence not a number", draft_trace(confidence=float("nan")), ["0 to 1", "nan"]),
    ("other prompts", draft_trace(prompt_tokens=21), ["prompt row 0 has 21 tokens", "20"]),
    ("more prompts", draft_trace(rows=2), ["holds 2 prompts", "workload.prompts 1"]),
    ("shorter outputs", draft_trace(output_tokens=11), ["11 output tokens", "up to 12"]),
    ("shorter drafts", draft_trace(max_steps=8), ["8 steps", "'policy.max_draft'", "at most 7", "8"]),
]

MEDUSA_TRACE = [
    ("fewer heads", draft_trace(medusa_heads=3), ["3 Medusa heads", "'policy.tree'", "needs 4"]),
]

DRAFT_LINES = [
    ("malformed", TRACE_LINES.replace("]}", "]"), ["in.jsonl:2", "not valid JSON"]),
    ("nested too deeply", TRACE_LINES + "[" * 1_000_000, ["in.jsonl:3"]),
    ("no header", TRACE_LINES.split("\n", 1)[1], ["in.jsonl:1"]),
    ("no rows", TRACE_LINES.split("\n", 1)[0], ["in.jsonl", "at least one prompt row"]),
    ("an unknown key", TRACE_LINES.replace('"row"', '"rows"'), ["in.jsonl:2", "'rows'"]),
    ("rows out of order", TRACE_LINES.replace('"row": 0', '"row": 5'), ["in.jsonl:2", "'row'"]),
    ("an entry too many", TRACE_LINES.replace('"t": [', '"t": [{}, '), ["in.jsonl:2", "1 entries"]),
    ("confidence above one", TRACE_LINES.replace("0.5", "1.5"), ["in.jsonl:2", "0..1"]),
    ("agreed beyond the steps", TRACE_LINES.replace('agreed": 1', 'agreed": 2'),
     ["in.jsonl:2", "'agreed'", "0 to 1"]),
    ("no rank", TRACE_LINES.replace('agreed": 1', 'agreed": 0'), ["in.jsonl:2", "'rank'", "2 to"]),
    ("a short hash", TRACE_LINES.replace("a" * 64, "a" * 63), ["in.jsonl", "'model_sha256'", "64"]),
    ("negative output tokens", TRACE_LINES.replace('tokens": 2', 'tokens": -2'),
     ["in.jsonl:1", "'output_tokens'", "1..1000000"]),
    ("huge output tokens", TRACE_LINES.replace('tokens": 2', 'tokens": 1000000'),
     ["in.jsonl:2", "999999 entries"]),
    ("huge steps", TRACE_LINES.replace('steps": 1', 'steps": 1001'), ["'max_steps'", "0..1000"]),
    ("a negative prompt", TRACE_LINES.replace('"prompt_tokens": 20', '"prompt_tokens": -1'),
     ["in.jsonl:2", "'prompt_tokens'", "1..1000000"]),
]


AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,5,6\r\n"
MOONCAKE = '{"timestamp": 0, "input_length": 5, "output_length": 6, "hash_ids": []}\n'

REQUESTS = [
    ("of no format", "arrival,tokens\n1,2\n", ["in.csv", "none of the formats azure, burstgpt", "'arrival'"]),
    ("no rows", AZURE.split("2023")[0], ["in.csv: nothing is left: 0 rows read"]),
    ("nothing but failures", "Timestamp,Request tokens,Response tokens\n5,7,0\n",
     ["in.csv: nothing is left", "1 rows read, 0 kept", "1 failed (0 response tokens)"]),
    ("no such day", AZURE + "2023-02-29 00:00:00,5,6", ["in.csv:3", "'TIMESTAMP'", "a time as 2023", "02-29"]),
    ("a word", AZURE + "2023-11-16 18:17:04,5,many", ["in.csv:3", "'GeneratedTokens'", "0..1000000", "'many'"]),
    ("too many tokens", AZURE + "2023-11-16 18:17:04,1000001,1", ["in.csv:3", "'ContextTokens'", "0..1000000"]),
    ("a row too short", AZURE + "2023-11-16 18:17:04,5", ["in.csv:3", "2 fields", "header has 3"]),
    ("negative seconds", "Timestamp,Request tokens,Response tokens\n-5,7,8\n",
     ["in.csv:2", "'Timestamp'", ">= 0", "'-5'"]),
    ("a JSON line cut off", MOONCAKE + MOONCAKE[:20], ["in.csv:2", "not valid JSON"]),
    ("a JSON line without a key", MOONCAKE + '{"timestamp": 5}', ["in.csv:2", "'input_length' is missing"]),
    ("a JSON line of another type", MOONCAKE + "[5]", ["in.csv:2", "must be an object"]),
    ("nested too deeply", MOONCAKE + "[" * 1_000_000, ["in.csv:2", "64 levels"]),
    ("an array cut off", '[{"conversations": []}', ["in.csv", "holds text", "--tokens-per-word"]),
    ("compressed", gzip.compress(AZURE.encode()), ["in.csv: is compressed with gzip: unpack it first"]),
    ("too long a time", "arrived_at,num_prefill_tokens,num_decode_tokens\n0,1,1\n3e9,1,1\n",
     ["in.csv", "3e+09 s apart", "--for"]),
]

LINKS = [
    ("of no format", "a b c\n", ["in.csv", "none of the formats fcc, hsdpa, iperf3, pensieve", "'a b c'"]),
    ("a word", "0 5\n1 fast\n", ["in.csv:2", "Mbit/s (column 2)", ">= 0", "'fast'"]),
    ("not a number", "0 5\n1 nan\n", ["in.csv:2", "column 2", "'nan'"]),
    ("descending", "0 5\n2 5\n1 5\n", ["in.csv:3", "seconds (column 1)", ">= 2", "'1'"]),
    ("a column too many", "0 5\n1 5 6\n", ["in.csv:2", "3 columns", "seconds and Mbit/s"]),
    ("never any", "0 5\n1 0\n", ["in.csv", "'mbps' of 1e-06 or more"]),
    ("too long a time", "0 5\n3e9 5\n", ["in.csv: lasts 3e+09 s", "at most 1e+09 s"]),
    ("HSDPA bytes", "1 2 3 4 -5 6\n", ["in.csv:1", "bytes (column 5)", ">= 0", "'-5'"]),
    ("a failed iperf3", '{"intervals": [], "error": "refused"}', ["in.csv: iperf3 failed: refused"]),
    ("iperf3 without intervals", '{"start": {}}', ["in.csv", "'intervals' is missing"]),
    ("mahimahi", "0\n5\n", ["in.csv", "read as it is", "link.up.trace"]),
]


def from_table(prefix, command, file, table, scenario=None):
    files = {} if scenario is None else {"scenario.toml": scenario}
    return [Case(f"{prefix} {name}", command, words, {**files, file: content})
            for name, content, words in table]


class UnreadableTest(ProgramTest):
    pass


class MalformedTest(ProgramTest):
    pass


add_cases(UnreadableTest, for_every_input())
add_cases(MalformedTest, [
    *from_table("toml", "simulate in.toml --quiet --out out", "in.toml", TOML),
    *from_table("prompts", SIMULATE, "in.csv", PROMPTS, with_prompts("in.csv")),
    *from_table("arrivals", SIMULATE, "in.csv", ARRIVALS, with_replay("in.csv")),
    *from_table("rates", SIMULATE, "in.csv", RATES, with_trace("in.csv")),
    *from_table("profile", SIMULATE, "in.json", PROFILE, with_device("in.json")),
    *from_table("model config", MODEL, "config.json", MODEL_CONFIG),
    *from_table("draft trace", SIMULATE, "in.trace", DRAFT_TRACE, with_draft_trace("in.trace")),
    *from_table("draft trace", SIMULATE + " --set system.name=u-medusa", "in.trace", MEDUSA_TRACE,
                with_draft_trace("in.trace")),
    *from_table("requests", IMPORT, "in.csv", REQUESTS),
    *from_table("link", IMPORT_LINK, "in.csv", LINKS),
    *from_table("draft lines", "trace-import in.jsonl --out t.trace", "in.jsonl", DRAFT_LINES),
])

if __name__ == "__main__":
    unittest.main()
