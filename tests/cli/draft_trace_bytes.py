"""Draft traces for tests, written from the format's description in docs/formats.md."""
import hashlib
import json
import struct


def header(**changes):
    return {"schema": 1, "model": "m", "model_sha256": "a" * 64, "prompts_sha256": "b" * 64, "rows": 1,
            "output_tokens": 12, "max_steps": 9, "medusa_heads": 4, **changes}


def sealed(content):
    return content + hashlib.sha256(content).digest()


def with_header(text, body):
    return sealed(b"HATDRAFT" + struct.pack("<I", len(text)) + text.encode() + body)


def record(head, t, confidence=0.5):
    """Of output token t: all proposals agree, every Medusa rank is 1."""
    steps = min(head["max_steps"], head["output_tokens"] - t)
    heads = min(head["medusa_heads"], head["output_tokens"] - t)
    values = [confidence] * steps + [0.0] * (head["max_steps"] - steps)
    ranks = [1] * heads + [0] * (head["medusa_heads"] - heads)
    return struct.pack(f"<{len(values)}fHH{len(ranks)}H", *values, steps, 0, *ranks)


def draft_trace(prompt_tokens=20, confidence=0.5, **changes):
    head = header(**changes)
    body = struct.pack("<I", prompt_tokens) * head["rows"]
    records = b"".join(record(head, t, confidence) for t in range(1, head["output_tokens"]))
    return with_header(json.dumps(head), body + records * head["rows"])
