#!/bin/sh
# Writes the shipped modelled profiles again: profiles/data/regenerate.sh PATH/TO/hat [FOLDER].
# A test fails if the files in this folder are not what the program writes.
set -eu
program=$1
folder=${2:-$(dirname "$0")}

write() {  # HARDWARE[:MODE] MODEL ROLE
  "$program" profile model --hardware "$1" --model "$2" --role "$3" --out "$folder/" --force > /dev/null
}

for model in vicuna-7b vicuna-13b; do
  for mode in maxn 30w 15w 10w; do write agx-xavier:$mode $model device; done
  for mode in maxn 50w 30w 15w; do write agx-orin:$mode $model device; done
  write a6000 $model cloud
done
for hardware in orin-nx orin-nano:standard orin-nano:super; do write $hardware vicuna-7b device; done
for hardware in a40 a100 h100; do write $hardware vicuna-7b cloud; done
write a6000 vicuna-68m cloud
for model in llama-3-8b tinyllama-1.1b; do
  write agx-orin $model device
  write a6000 $model cloud
done
