#!/usr/bin/env bash
# fmt 9.1 (Debian 12's libfmt9), and a stderr that nobody reads any more.
#
# Expected: fmt::print(stderr, ...) behaves as std::fprintf does, which returns -1 there and lets the program go on.
# Seen: it throws std::system_error, "cannot write to file: Broken pipe" or, where stderr was closed from the start, "cannot
# write to file: Bad file descriptor". So a line for a log, printed by a thread that serves, ends the whole server by
# std::terminate once the reader of its log has gone; and a program that prints its last error in main's handler ends with 134
# instead of its own exit code. To stdout nothing is thrown: there the C library keeps the text, and fails when it is flushed.
# std::fputs(fmt::format(...).c_str(), stderr) goes on in both cases.
#
# Needs Debian 12 with g++ and libfmt-dev; installs nothing. Fails if something else is seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >say.cc <<'CODE'
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <system_error>
#include <thread>

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string how = argc > 1 ? argv[1] : "";
  try {
    if (how == "print") fmt::print(stderr, "a line\n");
    if (how == "stdout") fmt::print("a line\n");
    if (how == "fputs") std::fputs(fmt::format("a line\n").c_str(), stderr);
    if (how == "thread") std::thread([] { fmt::print(stderr, "a line\n"); }).join();
  } catch (const std::system_error& error) {
    std::fputs(error.what(), stdout);
    return 3;
  }
  std::fputs("goes on", how == "stdout" ? stderr : stdout);
}
CODE
g++ -O1 -std=c++20 say.cc -o say -lfmt -pthread
echo "fmt $(dpkg-query -W -f '${Version}' libfmt-dev)"

# see EXPECTED WORDS...: what a command says, and its exit code
see() {
  local expected=$1 text code=0
  shift
  text=$("$@") || code=$?
  echo "$*: $text ($code)"
  [ "$text ($code)" = "$expected" ] || { echo "expected $expected" >&2 && exit 1; }
}
to_nobody() {  # stderr is a pipe whose reader has ended
  exec 3> >(:)
  wait $!
  "$@" 2>&3
}
closed() { "$@" 2>&-; }
see 'cannot write to file: Broken pipe (3)' to_nobody ./say print
see 'cannot write to file: Bad file descriptor (3)' closed ./say print
see 'goes on (0)' to_nobody ./say fputs
see 'goes on (0)' closed ./say fputs
see ' (134)' to_nobody ./say thread
see 'goes on (0)' sh -c './say stdout 2>&1 >&-'
