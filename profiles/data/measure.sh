#!/bin/sh
# Measures the shipped profiles of this machine's CPU again and checks them against whole steps:
# profiles/data/measure.sh PATH/TO/bin [FOLDER]. Takes 15 minutes; nothing else should run.
set -eu
bin=$1
folder=${2:-$(dirname "$0")}
root=$(dirname "$0")/../..
hardware="AMD EPYC 7003 (Zen 3), KVM guest with 2 cores"

measure() {  # ROLE MODEL NAME THREADS
  profile="$folder/epyc-7003-${4}t_${3}_$1.json"
  "$bin/hat-torch" profile "$1" --model "$2" --threads "$4" --hardware "$hardware" --budget-s 90 --force --out "$profile"
  "$bin/hat-torch" profile check --model "$2" --profile "$profile" || outside=1
}
outside=0
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"  # as in ./hat

measure device "$root/models/small" small 1
measure cloud "$root/models/small" small 1
measure device smollm2-135m smollm2-135m 1
measure cloud smollm2-135m smollm2-135m 2
measure device smollm2-360m smollm2-360m 1
measure cloud smollm2-360m smollm2-360m 2
exit $outside
