#!/usr/bin/env bash
# From nothing to a small model with its drafters: recipe.sh OUT [HOURS [THREADS [START]]]
#
# Gathers text from Debian packages (gather_text.py), makes a tokenizer of 2,048 pieces, and trains the
# base model, the adapter and the Medusa heads with the program hat-torch; the base takes
# three quarters of HOURS (default 4), the drafters an eighth each. Then it measures them, cuts prompts
# from the held-out text and records the drafts after them. Run again, it goes on where it was. With
# START, a model's folder, the base begins with that model's weights and tokenizer.
# Needs the packages apt, dpkg, python3 and sentencepiece.
set -euo pipefail

[[ $# -ge 1 && $# -le 4 ]] || { echo "usage: recipe.sh OUT [HOURS [THREADS [START]]]" >&2; exit 2; }
out=$1
hours=${2:-4}
threads=${3:-$(nproc)}
start=${4:-}
[ -z "$start" ] || [ -e "$start/model.safetensors" ] || { echo "recipe.sh: no model in '$start'" >&2; exit 2; }
[[ $hours =~ ^[0-9]+(\.[0-9]+)?$ ]] || { echo "recipe.sh: HOURS is a number, not '$hours'" >&2; exit 2; }
here=$(dirname "$(readlink -f "$0")")
bin=${HAT_BIN_DIR:-$here/../../../build/release/bin}
[ -x "$bin/hat-torch" ] || { echo "recipe.sh: no hat-torch in $bin; './hat build' first" >&2; exit 1; }
command -v spm_train >/dev/null || { echo "recipe.sh: install Debian's package sentencepiece" >&2; exit 1; }

# seconds EIGHTHS: that share of the time
seconds() { awk -v hours="$hours" -v eighths="$1" 'BEGIN { printf "%d", hours * 3600 * eighths / 8 }'; }

export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}  # as in ./hat
mkdir -p "$out"
[ -e "$out/text/provenance.json" ] || python3 "$here/gather_text.py" "$out/text"

if [ -n "$start" ]; then
  cp "$start/tokenizer.model" "$out/tokenizer.model"
elif [ ! -e "$out/tokenizer.model" ]; then
  # Nothing is normalised and no space is dropped, so that text comes back as it was.
  cat "$out"/text/train/*.txt | tr -d '\f' >"$out/tokenizer.txt"
  spm_train --input="$out/tokenizer.txt" --model_prefix="$out/tokenizer.part" --model_type=bpe --vocab_size=2048 \
    --byte_fallback=true --character_coverage=0.9995 --normalization_rule_name=identity \
    --remove_extra_whitespaces=false --allow_whitespace_only_pieces=true --minloglevel=1
  rm "$out/tokenizer.txt" "$out/tokenizer.part.vocab"
  mv "$out/tokenizer.part.model" "$out/tokenizer.model"
fi

text=(--text "$out/text/train" --held-out "$out/text/held_out" --threads "$threads")
batch=(--batch-tokens 4096 --micro-tokens 1024)
model=$out/model
if [ -n "$start" ]; then begin=(--start "$start" --learning-rate 2e-3); else begin=(--layers 6 --learning-rate 4e-3); fi
[ -e "$model/drafts.trace" ] && { echo "$model is complete"; exit 0; }
[ -e "$model/model.safetensors" ] ||
  "$bin/hat-torch" train base "${text[@]}" --tokenizer "$out/tokenizer.model" --out "$model" --resume \
    "${begin[@]}" --budget-s "$(seconds 6)" --muon-share 5 "${batch[@]}" --exit-weight 0.3
cp -r "$out/text/provenance.json" "$out/text/licences" "$model/"
# The exit of the base's training is a start for the adapter.
[ -e "$model/exit.safetensors" ] || mv "$model/adapter.safetensors" "$model/exit.safetensors"
[ -e "$model/adapter.safetensors" ] ||
  "$bin/hat-torch" train adapter "${text[@]}" --model "$model" --start "$model/exit.safetensors" --resume \
    --out "$model/adapter.safetensors" --budget-s "$(seconds 1)" "${batch[@]}" --token-weight 1
[ -e "$model/medusa.safetensors" ] ||
  "$bin/hat-torch" train medusa "${text[@]}" --model "$model" --resume --out "$model/medusa.safetensors" \
    --budget-s "$(seconds 1)" "${batch[@]}"
"$bin/hat-torch" train eval "${text[@]}" --model "$model" --adapter "$model/adapter.safetensors" \
  --medusa "$model/medusa.safetensors" --out "$model/eval.png"
"$bin/hat-torch" trace prompts --model "$model" --text "$out/text/held_out" --out "$model/prompts.csv" \
  --lengths "$here/../../../experiments/workloads/spec_bench_prompt_tokens.csv"
"$bin/hat-torch" trace record --model "$model" --prompts "$model/prompts.csv" --out "$model/drafts.trace" --threads "$threads"
