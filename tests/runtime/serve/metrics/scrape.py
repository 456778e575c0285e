#!/usr/bin/env python3
"""Prints what 127.0.0.1:PORT/metrics serves as JSON, {'name{label="value"}': value}, as Prometheus's parser reads it."""
import json
import math
import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

url = f"http://127.0.0.1:{sys.argv[1]}/metrics"
with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
    kind = answer.headers["Content-Type"]
    if not kind.startswith("text/plain"):
        sys.exit(f"Content-Type {kind}")
    text = answer.read().decode()

samples, families = {}, set()
for family in text_string_to_metric_families(text):
    if family.name in families:
        sys.exit(f"{family.name} stands twice")
    families.add(family.name)
    if family.type == "unknown" or not family.documentation:
        sys.exit(f"{family.name} has no type or no help")
    for sample in family.samples:
        labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
        name = sample.name + ("{" + labels + "}" if labels else "")
        if name in samples:
            sys.exit(f"{name} stands twice")
        samples[name] = sample.value
print(json.dumps({name: value for name, value in samples.items() if math.isfinite(value)}))
