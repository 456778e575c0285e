#!/usr/bin/env bash
# Slurm 22.05.8 (Debian 12's packages): what `scontrol requeue` starts again when a task of a job array calls it.
#
# Expected: SLURM_JOB_ID is the job that a batch script runs in, so `scontrol requeue $SLURM_JOB_ID` requeues the task
# that calls it, whichever that is, and no other.
# Seen, in arrays of tasks 1 to 4, of which 2 has ended and the others run:
#   task 1, $SLURM_JOB_ID                                  requeues 1
#   task 4, $SLURM_JOB_ID                                  requeues 1, 2, 3 and 4: what runs, and what had ended
#   either, ${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}   requeues itself
# The last task of an array runs under the array's own id, the others under ids of their own; and to scontrol the
# array's id means every task. So a task names itself by array and index. A report of the same:
# github.com/Lightning-AI/pytorch-lightning, issue 15022.
#
# Needs Debian 12 with apt's lists; installs nothing outside a temporary folder. A cluster of one node runs there, on
# free ports, as whoever calls this. Takes half a minute. Fails if something else is seen.
set -euo pipefail
# A socket's path may have 107 bytes, and munged wants its folder open to all.
folder=$(mktemp -d /tmp/finding.XXXXXX)
chmod 755 "$folder"
cd "$folder"

# The ids of all processes of the cluster, those of jobs too: they have its configuration in their environment.
ours() { grep -lszxF "SLURM_CONF=$folder/slurm.conf" /proc/[0-9]*/environ | cut -d / -f 3; }
end() {
  unset SLURM_CONF
  until [ -z "$(ours)" ]; do
    ours | xargs -r kill -9 2>/dev/null || true
    sleep 0.1
  done
  rm -rf "$folder"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

# until_so SECONDS COMMAND
until_so() {
  local end=$((SECONDS + $1))
  until "$2"; do
    [ $SECONDS -lt $end ] || { echo "not within $1 s: $2" && tail -n 5 ./*.log && exit 1; } >&2
    sleep 0.2
  done
}

slurm=22.05.8-4+deb12u3 munge=0.5.15-2+deb12u1
apt-get download -q "slurmctld=$slurm" "slurmd=$slurm" "slurm-client=$slurm" "slurm-wlm-basic-plugins=$slurm" \
  "munge=$munge" "libmunge2=$munge" libhwloc15 libnuma1 >/dev/null
for package in *.deb; do dpkg -x "$package" root; done
for plugins in root/usr/lib/*/slurm-wlm; do plugins=$folder/$plugins; done
export SLURM_CONF=$folder/slurm.conf LD_LIBRARY_PATH=$plugins:${plugins%/*}
export PATH=$folder/root/usr/sbin:$folder/root/usr/bin:$PATH

is_taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((20000 + RANDOM % 10000))
while is_taken $port || is_taken $((port + 1)); do port=$((20000 + RANDOM % 10000)); done

host=$(hostname -s)
cat >slurm.conf <<CONF
ClusterName=finding
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
PluginDir=$plugins
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits for as long as a credential lives, 120 s without this; 5 is the least.
AuthInfo=socket=$folder/munge.socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1,batch_sched_delay=0
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 CPUs=16
PartitionName=all Nodes=n1 Default=YES
CONF
mkdir state spool

# start PROGRAM ARGUMENT...
start() {
  "$@" >"$1.log" 2>&1 &
  disown
}
has_munge() { [ -e munge.socket ]; }
is_idle() { [ "$(sinfo -h -o %T 2>/dev/null)" = idle ]; }
(umask 077 && head -c 64 /dev/urandom >munge.key)
start munged --foreground --socket="$folder/munge.socket" --key-file="$folder/munge.key" \
  --pid-file="$folder/munged.pid" --seed-file="$folder/munged.seed" --log-file="$folder/munged.log"
until_so 20 has_munge
start slurmctld-wlm -D -c
start slurmd-wlm -D -N n1 -d "$folder/root/usr/sbin/slurmstepd-wlm"
until_so 30 is_idle

cat >task.sh <<'TASK'
#!/bin/bash
# task.sh WHO: the task WHO requeues itself once, when 2 has ended and all others run.
array=$SLURM_ARRAY_JOB_ID task=$SLURM_ARRAY_TASK_ID
echo "$task" >>starts
[ "$SLURM_JOB_ID" != "$array" ] || echo "$task" >>under_the_arrays_id
if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ] || [ "$task" = 2 ]; then exit; fi
is_time() { [ "$(sort -u starts | wc -l)" = 4 ] && [ "$(squeue -h -t all -j "${array}_2" -o %T)" = COMPLETED ]; }
until is_time; do sleep 0.2; done
case $(basename "$PWD") in
  *_job_id) own=$SLURM_JOB_ID ;;
  *_task_id) own=${array}_$task ;;
esac
[ "$task" != "$1" ] || scontrol requeue "$own"
sleep 8
TASK

for array in 1_by_job_id 4_by_job_id 1_by_array_and_task_id 4_by_array_and_task_id; do
  mkdir "$array"
  (cd "$array" && sbatch -Q --array=1-4 ../task.sh "${array%%_*}")
done
is_over() { squeue -h >queue && [ ! -s queue ]; }
until_so 60 is_over

# see ARRAY RUNS_OF_TASKS_1_TO_4
see() {
  local runs last
  runs=$(sort "$1/starts" | uniq -c | awk '{ print $1 }' | paste -s -d " ")
  last=$(sort -u "$1/under_the_arrays_id")
  echo "task ${1//_/ }: tasks 1 to 4 have run $runs times; under the array's id: task $last"
  [ "$runs, $last" = "$2, 4" ] || { echo "expected $2, task 4" >&2 && exit 1; }
}
see 1_by_job_id "2 1 1 1"
see 4_by_job_id "2 2 2 2"
see 1_by_array_and_task_id "2 1 1 1"
see 4_by_array_and_task_id "1 1 1 2"
