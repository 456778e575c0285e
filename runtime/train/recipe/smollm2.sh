#!/usr/bin/env bash
# Drafters for SmolLM2-135M-Instruct: smollm2.sh OUT [HOURS [THREADS]]
#
# Gets the model (93 MB, once), lets it ask itself and answer, and trains HAT's adapter (split 2) and four
# Medusa heads that share its output layer on what it said: a third of HOURS (default 4) each. Then it
# measures them. OUT gets dialogues/, states/ (up to 6 GB; may be removed), adapter.safetensors,
# medusa.safetensors. Run again, it goes on where it was.
set -euo pipefail

[[ $# -ge 1 && $# -le 3 ]] || { echo "usage: smollm2.sh OUT [HOURS [THREADS]]" >&2; exit 2; }
out=$1
hours=${2:-4}
threads=${3:-$(nproc)}
[[ $hours =~ ^[0-9]+(\.[0-9]+)?$ ]] || { echo "smollm2.sh: HOURS is a number, not '$hours'" >&2; exit 2; }
here=$(dirname "$(readlink -f "$0")")
bin=${HAT_BIN_DIR:-$here/../../../build/release/bin}
[ -x "$bin/hat-torch" ] || { echo "smollm2.sh: no hat-torch in $bin; './hat build' first" >&2; exit 1; }
third=$(awk -v hours="$hours" 'BEGIN { printf "%d", hours * 1200 }') # in seconds
[ "$third" -ge 1 ] || { echo "smollm2.sh: $hours hours are too few" >&2; exit 2; }

export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive} # as in ./hat
model=smollm2-135m
mkdir -p "$out/dialogues" "$out/held_out"
"$bin/hat-torch" model get $model

# As many as the time allows; the last ones to begin with are for measuring alone.
if [ ! -e "$out/dialogues.done" ]; then
  "$bin/hat-torch" train dialogues --model $model --seed 2 --count 64 --threads "$threads" --out "$out/held_out/dialogues.txt"
  timeout --signal=INT "$third" "$bin/hat-torch" train dialogues --model $model --seed 1 --count 1000000 \
    --threads "$threads" --out "$out/dialogues/dialogues.txt" || [ $? -eq 124 ]
  touch "$out/dialogues.done"
fi

text=(--model "$model" --text "$out/dialogues" --held-out "$out/held_out" --special-tokens --threads "$threads")
run=(--budget-s "$third" --length 256 --long-length 256 --long-share 0 --batch-tokens 4096 --micro-tokens 1024 --keep-states "$out/states"
  --keep-gb 6 --file-dtype fp16 --resume)
[ -e "$out/adapter.safetensors" ] ||
  "$bin/hat-torch" train adapter "${text[@]}" "${run[@]}" --token-weight 1 --out "$out/adapter.safetensors"
[ -e "$out/medusa.safetensors" ] ||
  "$bin/hat-torch" train medusa "${text[@]}" "${run[@]}" --share-output --out "$out/medusa.safetensors"
"$bin/hat-torch" train eval --model $model --text "$out/dialogues" --held-out "$out/held_out" --special-tokens --length 256 --long-length 512 \
  --adapter "$out/adapter.safetensors" --medusa "$out/medusa.safetensors" --threads "$threads" --out "$out/eval.png"
