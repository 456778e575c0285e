#!/usr/bin/env bash
# civetweb 1.15 (Debian 12's libcivetweb1), the HTTP server in prometheus-cpp 1.0.1's Exposer, beside large thread-local data.
#
# Expected: an Exposer serves in any program.
# Seen: civetweb gives its threads stacks of 102,400 bytes. glibc puts the thread-local data of all libraries that are loaded at
# start on a thread's stack, and pthread_create refuses a stack that has no room for it (EINVAL). libtorch 1.13 brings 108 KB
# of it (OpenBLAS 61,440 bytes, glog 30,457, libtorch itself 9,777). So beside libtorch no Exposer starts; what it says is
# "null context when constructing CivetServer. Possible problem binding to port.", though the port was bound. The stack's size
# is fixed when civetweb is compiled. prometheus::TextSerializer behind a server with ordinary stacks works.
#
# Needs Debian 12 with g++ and prometheus-cpp-dev, and libtorch-dev for its second half; installs nothing. Fails if something
# else is seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >serve.cc <<'CODE'
#include <prometheus/exposer.h>

#include <iostream>

#ifdef TLS_BYTES
thread_local volatile char data[TLS_BYTES];
#endif

int main() {
#ifdef TLS_BYTES
  data[0] = 1;
#endif
  try {
    prometheus::Exposer exposer("127.0.0.1:0");
    std::cout << "serves\n";
  } catch (const std::exception& error) {
    std::cout << error.what() << "\n";
  }
}
CODE

# see RESULT OPTION...
see() {
  local expected=$1 result
  shift
  g++ -O0 "$@" serve.cc -o serve -lprometheus-cpp-pull -lprometheus-cpp-core -Wl,--no-as-needed ${torch:+-ltorch_cpu}
  result=$(./serve)
  echo "${*:-as it is}${torch:+ with libtorch}: $result"
  [ "$result" = "$expected" ] || { echo "expected $expected" >&2 && exit 1; }
}
torch=
refused='null context when constructing CivetServer. Possible problem binding to port.'
see serves
see serves -DTLS_BYTES=50000
see "$refused" -DTLS_BYTES=110000
[ ! -e /usr/lib/x86_64-linux-gnu/libtorch_cpu.so ] || torch=yes
[ -z "$torch" ] || see "$refused"
