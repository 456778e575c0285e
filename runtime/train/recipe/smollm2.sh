#!/usr/bin/env bash
# Drafters for SmolLM2-135M-Instruct: smollm2.sh OUT [HOURS [THREADS]]
#
# Gets the model (93 MB, once), lets it ask itself and answer (two fifths of HOURS, default 4), and
# trains HAT's adapter (split 2; two fifths) and four Medusa heads that share its output layer (one
# fifth) on what it said. Then it measures them. OUT gets dialogues/, states/ (up to 6 GB; may be
# removed), adapter.safetensors, medusa.safetensors, provenance.json. Run again, it goes on where it was.
set -euo pipefail

[[ $# -ge 1 && $# -le 3 ]] || { echo "usage: smollm2.sh OUT [HOURS [THREADS]]" >&2; exit 2; }
out=$1
hours=${2:-4}
threads=${3:-$(nproc)}
[[ $hours =~ ^[0-9]+(\.[0-9]+)?$ ]] || { echo "smollm2.sh: HOURS is a number, not '$hours'" >&2; exit 2; }
here=$(dirname "$(readlink -f "$0")")
bin=${HAT_BIN_DIR:-$here/../../../build/release/bin}
[ -x "$bin/hat-torch" ] || { echo "smollm2.sh: no hat-torch in $bin; './hat build' first" >&2; exit 1; }
fifth=$(awk -v hours="$hours" 'BEGIN { printf "%d", hours * 720 }') # in seconds
[ "$fifth" -ge 1 ] || { echo "smollm2.sh: $hours hours are too few" >&2; exit 2; }

export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive} # as in ./hat
model=smollm2-135m
mkdir -p "$out/dialogues" "$out/held_out"
"$bin/hat-torch" model get $model

# As many as the time allows; those that are measured on have numbers of their own.
if [ ! -e "$out/dialogues.done" ]; then
  "$bin/hat-torch" train dialogues --model $model --seed 2 --count 64 --threads "$threads" --out "$out/held_out/dialogues.txt"
  timeout --signal=INT $((2 * fifth)) "$bin/hat-torch" train dialogues --model $model --seed 1 --count 1000000 \
    --threads "$threads" --out "$out/dialogues/dialogues.txt" || [ $? -eq 124 ]
  touch "$out/dialogues.done"
fi

text=(--model "$model" --text "$out/dialogues" --held-out "$out/held_out" --special-tokens --threads "$threads")
run=(--length 256 --long-length 256 --long-share 0 --batch-tokens 4096 --micro-tokens 1024 --keep-states "$out/states" --keep-gb 6
  --other-tokens 4096 --file-dtype fp16 --resume)
[ -e "$out/adapter.safetensors" ] ||
  "$bin/hat-torch" train adapter "${text[@]}" "${run[@]}" --budget-s $((2 * fifth)) --token-weight 1 --out "$out/adapter.safetensors"
[ -e "$out/medusa.safetensors" ] ||
  "$bin/hat-torch" train medusa "${text[@]}" "${run[@]}" --budget-s "$fifth" --share-output --out "$out/medusa.safetensors"
python3 "$here/drafter_provenance.py" "$out" $model "$bin/hat-torch" >"$out/provenance.part"
mv "$out/provenance.part" "$out/provenance.json"
"$bin/hat-torch" train eval --model $model --text "$out/dialogues" --held-out "$out/held_out" --special-tokens --length 256 --long-length 512 \
  --adapter "$out/adapter.safetensors" --medusa "$out/medusa.safetensors" --threads "$threads" --out "$out/eval.png"
