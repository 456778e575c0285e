#!/usr/bin/env bash
# libstdc++ 12.2.0 (Debian 12's g++): a read that fails in the middle of a std::ifstream.
#
# Expected: exceptions() of the stream are off, so a failed read sets badbit and throws nothing, however the file is read.
# Seen: std::getline sets badbit; std::istreambuf_iterator, which goes past the stream to its buffer, throws
# std::ios_base::failure ("basic_filebuf::underflow error reading the file: No such process").
# Met with /proc/PID/stat of a process that is reaped between open() and read(), which is an ordinary race.
#
# Needs Debian 12 with g++; installs nothing. Fails if something else is seen.
set -euo pipefail
[ "$(g++ -dumpfullversion)" = 12.2.0 ] || { echo "needs g++ 12.2.0, this is $(g++ -dumpfullversion)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >read.cc <<'CODE'
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

// Opened while the process is there, read when it is gone.
std::ifstream OfAProcessThatIsGone() {
  const pid_t pid = fork();
  if (pid == 0) pause();
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return file;
}

int main() {
  std::ifstream lines = OfAProcessThatIsGone();
  std::string line;
  std::getline(lines, line);
  std::cout << "getline: " << (lines.bad() ? "badbit" : "read something") << "\n";
  std::ifstream bytes = OfAProcessThatIsGone();
  try {
    const std::string text((std::istreambuf_iterator<char>(bytes)), {});
    std::cout << "istreambuf_iterator: " << (bytes.bad() ? "badbit" : "no sign of it") << "\n";
  } catch (const std::ios_base::failure& error) {
    std::cout << "istreambuf_iterator: throws " << error.what() << "\n";
  }
}
CODE
g++ -O1 read.cc -o read
./read | tee seen
grep -qx 'getline: badbit' seen
grep -q '^istreambuf_iterator: throws basic_filebuf::underflow error reading the file' seen
