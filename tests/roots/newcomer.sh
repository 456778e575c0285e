#!/usr/bin/env bash
# What a newcomer meets: README's commands word for word, './hat test' among them, in minimal Debian roots, once as an
# ordinary user and once as root, in a path with a blank. What ./hat says that root is to install, root installs.
#
#   tests/roots/newcomer.sh FOLDER [SUITE...]     suites of Debian; bookworm and trixie unless given
#
# Tests what is committed. Needs root, debootstrap, 20 GB and up to an hour a suite. FOLDER keeps the minimal roots, and
# a compiler cache for a second call; each user has a new copy of the root. Logs lie there too. The files of quickstart
# must be the same in all of them. Warnings are errors, which a newcomer would not ask for.
set -Eeuo pipefail
trap 'echo "newcomer.sh: failed in line $LINENO${log:+; see $log}" >&2' ERR

fail() {
  echo "newcomer.sh: $1" >&2
  exit 1
}

[ $# -ge 1 ] || fail "usage: $0 FOLDER [SUITE...]"
[ "$(id -u)" -eq 0 ] || fail "needs root, for chroot"
command -v debootstrap >/dev/null || fail "needs debootstrap: apt-get install debootstrap"
if [ -z "${HAT_NEWCOMER_MOUNTS:-}" ]; then # what is mounted below goes with this process
  HAT_NEWCOMER_MOUNTS=own exec unshare --mount --propagation private "$0" "$@"
fi

project=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- bookworm trixie
clone="/srv/my clone"
reference=

# say TEXT: with the seconds since the start
say() { printf '%5d s  %s\n' "$SECONDS" "$1"; }

# as USER COMMAND: in the root, with a bare environment; its output goes into the log
as() {
  local home=/home/$1
  [ "$1" != root ] || home=/root
  chroot "$root" runuser -u "$1" -- env -i "PATH=/usr/sbin:/usr/bin:/sbin:/bin" "HOME=$home" "USER=$1" TERM=dumb \
    CCACHE_DIR=/var/cache/hat-ccache CCACHE_UMASK=000 HAT_WARNINGS_AS_ERRORS=ON bash -c "$2" >>"$log" 2>&1 </dev/null
}

# make_root SUITE USER: a new root, in which the user has git and a clone
make_root() {
  local minimal=$folder/$1-minimal cache=$folder/$1-ccache
  root=$folder/$1-$2
  if [ ! -e "$minimal/usr/bin/apt-get" ]; then
    say "$1: debootstrap"
    debootstrap --variant=minbase "$1" "$minimal" >"$log"
  fi
  rm -rf "$root"
  cp -a "$minimal" "$root"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  echo 'APT::Get::Assume-Yes "true";' >"$root/etc/apt/apt.conf.d/90assume-yes" # nobody is there to type it
  mkdir -p "$root/var/cache/hat-ccache"
  mkdir -p "$cache" && chmod 1777 "$cache"
  mount --bind "$cache" "$root/var/cache/hat-ccache"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  as root "apt-get update -q && apt-get install -q --no-install-recommends git && useradd -m newcomer"
  git clone -q --no-hardlinks "$project" "$root$clone"
  chroot "$root" chown -R "$2:" "$clone"
  python3 "$project/tests/roots/readme_walk.py" "$root$clone/README.md" "$root/srv/walk"
}

# step SUITE USER FILE: one command of README; where it asks for packages, once more after their installation
step() {
  local hint
  printf '\n== %s\n' "$(cat "$root$3")" >>"$log"
  if as "$2" "cd '$clone' && bash -e '$3'"; then return; fi
  hint=$(tail -n 3 "$log" | sed -n 's/.*As root: //p')
  [ -n "$hint" ] || fail "$1: $2: this failed; see $log
$(cat "$root$3")"
  say "$1: root installs what $2 was told"
  as root "$hint"
  as "$2" "cd '$clone' && bash -e '$3'"
}

# The files of quickstart that hold numbers and no name of a machine, a version or a commit.
compare_results() {
  local kept=$root/srv/quickstart
  mkdir "$kept"
  (cd "$root$clone/results/quickstart" &&
    find . \( -name '*.csv' -o -name comparison.json -o -name summary.json \) -exec cp --parents {} "$kept" \;)
  [ -s "$kept/comparison.json" ] || fail "quickstart wrote no comparison.json; see $log"
  reference=${reference:-$kept}
  diff -r "$reference" "$kept" >>"$log" || fail "quickstart's files differ from those in $reference; see $log"
}

for suite in "$@"; do
  for user in newcomer root; do
    log=$folder/$suite-$user.log
    : >"$log"
    say "$suite: $user (log: $log)"
    make_root "$suite" "$user"
    for file in "$root"/srv/walk/*.sh; do step "$suite" "$user" "/srv/walk/${file##*/}"; done
    say "$suite: $user: $(grep -a 'tests passed' "$log" | tail -n 1)"
    compare_results
  done
  as newcomer "cd '$clone' && ./hat compare --help" || fail "$suite: root's clone serves nobody else; see $log"
done
say "all of it went well"
