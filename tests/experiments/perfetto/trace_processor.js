// Perfetto's trace processor in node: imports a trace, answers SQL. The engine is the WebAssembly
// that ui.perfetto.dev runs in a worker, unchanged; here stands what a worker would have around it.
//
//   node trace_processor.js ENGINE_FOLDER TRACE SQL...
//
// ENGINE_FOLDER has engine_bundle.js and trace_processor*.wasm. Prints a JSON list: for each SQL a
// list of rows. Exit code 1 and a line on stderr if a call fails.
'use strict';
const fs = require('fs');
const path = require('path');

const [folder, trace, ...queries] = process.argv.slice(2);

// -- protobuf: only what TraceProcessorRpc needs

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return Buffer.from([...bytes, value]);
}

const field = (number, value) =>
    typeof value === 'number' ?
    Buffer.concat([varint(number * 8), varint(value)]) :
    Buffer.concat([varint(number * 8 + 2), varint(value.length), Buffer.from(value)]);

function readVarint(bytes, at) {
  let value = 0n;
  for (let shift = 0n;; shift += 7n) {
    const byte = bytes[at++];
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return [BigInt.asIntN(64, value), at];
  }
}

// Calls visit(field number, value) for each field; value: BigInt, or Buffer.
function visitFields(bytes, visit) {
  for (let at = 0; at < bytes.length;) {
    let key, value;
    [key, at] = readVarint(bytes, at);
    const type = Number(key & 7n);
    if (type === 0) {
      [value, at] = readVarint(bytes, at);
    } else {
      let size = type === 1 ? 8n : 4n;
      if (type === 2) [size, at] = readVarint(bytes, at);
      value = bytes.subarray(at, at += Number(size));
    }
    visit(Number(key >> 3n), value);
  }
}

// -- the engine, in a worker's clothes

class SyncRequest {  // XMLHttpRequest for files of the folder
  open(method, url) { this.file = path.join(folder, path.basename(url)); }
  send() { this.response = new Uint8Array(fs.readFileSync(this.file)).buffer; }
}

// The script finds these in place of node's own: it refuses to run in node.
function startEngine() {
  const self = {location: {href: 'file:///'}};
  const around = {
    self,
    process: undefined,
    WorkerGlobalScope: class {},
    XMLHttpRequest: SyncRequest,
    console: {...console, log() {}, warn() {}},
  };
  const script = fs.readFileSync(path.join(folder, 'engine_bundle.js'), 'utf8');
  new Function(...Object.keys(around), script)(...Object.values(around));
  const port = {postMessage: bytes => replies.push(Buffer.from(bytes))};
  self.onmessage({data: port});
  return port;
}

const replies = [];
let sequence = 0;

// Sends one TraceProcessorRpc; returns the bytes of all answers to it, one message each.
function call(port, request, ...more) {
  replies.length = 0;
  const message = Buffer.concat([field(1, ++sequence), field(2, request), ...more]);
  port.onmessage({data: new Uint8Array(field(1, message))});
  const messages = [];
  visitFields(Buffer.concat(replies), (number, value) => messages.push(value));
  for (const answer of messages) {
    visitFields(answer, (number, value) => {
      if (number === 5) throw new Error(value.toString());
    });
  }
  return messages;
}

const kAppend = 1, kFinalize = 2, kQuery = 3;  // TraceProcessorMethod

function importTrace(port) {
  const bytes = fs.readFileSync(trace);
  for (let at = 0; at < bytes.length; at += 1 << 24) {
    const answers = call(port, kAppend, field(101, bytes.subarray(at, at + (1 << 24))));
    for (const answer of answers) {
      visitFields(answer, (number, result) => {
        if (number === 201) visitFields(result, (n, value) => {
          if (n === 2) throw new Error(`import: ${value}`);
        });
      });
    }
  }
  call(port, kFinalize);
}

function query(port, sql) {
  const columns = [], cells = [];
  for (const answer of call(port, kQuery, field(103, field(1, sql)))) {
    visitFields(answer, (number, result) => {
      if (number === 203) readResult(result, columns, cells);
    });
  }
  const rows = [];
  while (cells.length) rows.push(cells.splice(0, columns.length));
  return rows;
}

function readResult(result, columns, cells) {
  visitFields(result, (number, value) => {
    if (number === 1) columns.push(value.toString());
    if (number === 2 && value.length) throw new Error(`query: ${value}`);
    if (number === 3) readBatch(value, cells);
  });
}

function readBatch(batch, cells) {
  let kinds = [], varints = [], doubles = [], texts = [];
  visitFields(batch, (number, value) => {
    if (number === 1) kinds = [...value];
    if (number === 2) {
      for (let at = 0, item; at < value.length;) {
        [item, at] = readVarint(value, at);
        varints.push(Number(item));
      }
    }
    if (number === 3) for (let at = 0; at < value.length; at += 8) doubles.push(value.readDoubleLE(at));
    if (number === 5) texts = value.toString().split('\0');
  });
  const next = {1: () => null, 2: () => varints.shift(), 3: () => doubles.shift(), 4: () => texts.shift()};
  for (const kind of kinds) cells.push(next[kind]());
}

async function main() {
  const port = startEngine();
  await new Promise(resolve => setTimeout(resolve, 100));  // what it put off until its start was over
  importTrace(port);
  console.log(JSON.stringify(queries.map(sql => query(port, sql))));
}

main().catch(error => {
  console.error(`trace_processor.js: ${error.message}`);
  process.exit(1);
});
