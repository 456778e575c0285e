#!/usr/bin/env python3
"""Says what drafters were made of: drafter_provenance.py OUT MODEL PROGRAM, OUT as smollm2.sh fills it. Prints JSON."""
import csv
import hashlib
import json
import pathlib
import subprocess
import sys


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def text(folder):
    path = folder / "dialogues.txt"
    return {"dialogues": path.read_text(encoding="utf-8").count("\n\f\n"), "bytes": path.stat().st_size,
            "sha256": sha256(path)}


def training(file):
    """The last figures of a drafter's log."""
    with open(f"{file}.training/training.csv", newline="", encoding="utf-8") as log:
        rows = list(csv.DictReader(log))
    held_out = {row["measure"]: float(row["value"]) for row in rows if row["measure"].startswith("held-out")}
    return {"sha256": sha256(file), "bytes": file.stat().st_size, "steps": int(rows[-1]["step"]),
            "tokens": int(rows[-1]["tokens"]), "seconds": round(float(rows[-1]["elapsed_s"])), "last": held_out}


def main():
    out, model, program = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    version = subprocess.run([program, "--version"], text=True, capture_output=True, check=True).stdout.strip()
    print(json.dumps({
        "model": model,
        "program": version,
        "text": "asked and answered by the model itself: hat train dialogues",
        "train": text(out / "dialogues"),
        "held_out": text(out / "held_out"),
        "adapter": training(out / "adapter.safetensors"),
        "medusa": training(out / "medusa.safetensors"),
    }, indent=2))


if __name__ == "__main__":
    main()
