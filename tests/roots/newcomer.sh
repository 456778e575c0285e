#!/usr/bin/env bash
# What a newcomer meets: README's commands word for word, './hat test' among them, in minimal Debian roots, first as
# an ordinary user, then as root, in a path with a blank.
#
#   tests/roots/newcomer.sh FOLDER [SUITE...]     suites of Debian; bookworm and trixie unless given
#
# Tests what is committed. Needs root, debootstrap, 12 GB and an hour a suite; roots stay in FOLDER, so that a second
# call compiles what has changed (a compiler cache lies in each; clones and their builds are made anew). Logs lie
# there too. The files of quickstart must be the same in all suites.
set -euo pipefail

fail() {
  echo "newcomer.sh: $1" >&2
  exit 1
}

[ $# -ge 1 ] || fail "usage: $0 FOLDER [SUITE...]"
[ "$(id -u)" -eq 0 ] || fail "needs root, for chroot"
command -v debootstrap >/dev/null || fail "needs debootstrap: apt-get install debootstrap"
if [ -z "${HAT_NEWCOMER_MOUNTS:-}" ]; then  # what is mounted below goes with this process
  HAT_NEWCOMER_MOUNTS=own exec unshare --mount --propagation private "$0" "$@"
fi

project=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- bookworm trixie
clone="/srv/my clone"

# say TEXT: with the time since the start
say() { printf '%5d s  %s\n' "$SECONDS" "$1"; }

# as USER COMMAND: in the root; stdout and stderr go into its log
as() {
  local home=/home/$1
  [ "$1" != root ] || home=/root
  chroot "$root" runuser -u "$1" -- env -i "PATH=/usr/sbin:/usr/bin:/sbin:/bin" "HOME=$home" "USER=$1" TERM=dumb \
    CCACHE_DIR=/var/cache/hat-ccache CCACHE_UMASK=000 HAT_WARNINGS_AS_ERRORS=ON bash -c "$2" >>"$log" 2>&1 </dev/null
}

make_root() {
  if [ ! -e "$root/usr/bin/apt-get" ]; then
    say "$suite: debootstrap"
    debootstrap --variant=minbase "$suite" "$root" >>"$folder/$suite-debootstrap.log"
  fi
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  echo 'APT::Get::Assume-Yes "true";' >"$root/etc/apt/apt.conf.d/90assume-yes"  # nobody is there to type it
  log=$folder/$suite-root.log
  : >"$log"
  as root "apt-get update -q && apt-get install -q -y --no-install-recommends git &&
    mkdir -p -m 1777 /var/cache/hat-ccache && { id newcomer || useradd -m newcomer; }"
}

# walk USER: a clone of his own, and README's commands in it
walk() {
  local user=$1 command
  log=$folder/$suite-$user.log
  : >"$log"
  say "$suite: $user (log: $log)"
  rm -rf "$root$clone"
  git clone -q --no-hardlinks "$project" "$root$clone"
  python3 "$project/tests/roots/readme_walk.py" "$root$clone/README.md" >"$root/srv/walk.sh"
  chroot "$root" chown -R "$user:" "$clone"
  if ! as "$user" "cd '$clone' && ./hat setup"; then
    command=$(sed -n 's/.*As root: //p' "$log" | tail -n 1)
    [ -n "$command" ] || fail "'./hat setup' as $user says no command for root; see $log"
    say "$suite: root installs as $user was told"
    as root "$command"
  fi
  as "$user" "cd '$clone' && bash /srv/walk.sh" || fail "$suite: $user: a command of README failed; see $log"
  say "$suite: $user: $(grep -a 'tests passed' "$log" | tail -n 1)"
  keep_results "$user"
}

# The files of quickstart that hold numbers: no name of a machine, a version or a commit.
keep_results() {
  local kept=$folder/quickstart/$suite-$1
  rm -rf "$kept" && mkdir -p "$kept"
  (cd "$root$clone/results/quickstart" &&
    find . \( -name '*.csv' -o -name comparison.json -o -name summary.json \) -exec cp --parents {} "$kept" \;)
  diff -r "$kept" "$folder/quickstart/$(ls "$folder/quickstart" | head -n 1)" >>"$log" ||
    fail "$suite: quickstart's files are others than in $(ls "$folder/quickstart" | head -n 1); see $log"
}

rm -rf "$folder/quickstart"
for suite in "$@"; do
  root=$folder/$suite
  make_root
  walk newcomer
  walk root
  as newcomer "cd '$clone' && ./hat compare --help" || fail "$suite: root's clone serves nobody else; see $log"
  say "$suite: done"
done
