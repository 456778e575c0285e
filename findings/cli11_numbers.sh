#!/usr/bin/env bash
# CLI11 2.1.2 (Debian 12's package): which texts an option of type int or double takes, after CLI::Range.
#
# Expected: decimal numbers within the range, and nothing else.
# Seen:
#   int in Range(1, 10000):    010 is 8, 0x10 is 16, "+5" is 5, " 7" is 7; 08 and 1.0 are refused, as "not in range"
#   double in Range(0, 1):     nan passes, since neither nan < 0 nor nan > 1 holds; 0x1p-1 is 0.5; inf is refused
# So a strict number needs a check of its text; a range alone lets nan through. Debian 13's 2.4.1 does the same, and takes
# 0b1 as 1, 1_0 as 10.
#
# Needs Debian 12 with g++ and apt's lists; installs nothing outside a temporary folder. Fails if something else is seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q libcli11-dev=2.1.2+ds-1 >/dev/null
dpkg -x libcli11-dev_*.deb root

cat >numbers.cc <<'CODE'
#include <CLI/CLI.hpp>
#include <iostream>

int main(int argc, char** argv) {
  CLI::App app;
  int n = 0;
  double x = 0;
  CLI::Option* whole = app.add_option("--n", n)->check(CLI::Range(1, 10000));
  app.add_option("--x", x)->check(CLI::Range(0.0, 1.0));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::cout << "refused\n";
    return 0;
  }
  whole->count() > 0 ? std::cout << n << "\n" : std::cout << x << "\n";
}
CODE
g++ -O0 -I root/usr/include numbers.cc -o numbers

# see ARGUMENT RESULT
see() {
  local result
  result=$(./numbers "$1")
  echo "$1: $result"
  [ "$result" = "$2" ] || { echo "expected $2" >&2 && exit 1; }
}
see --n=10 10
see --n=010 8
see --n=08 refused
see --n=0x10 16
see --n=+5 5
see "--n= 7" 7
see --n=1.0 refused
see --n=0 refused
see --x=0.5 0.5
see --x=nan nan
see --x=0x1p-1 0.5
see --x=inf refused
see --x=2 refused
