#!/usr/bin/env bash
# A sweep on a real Slurm: a cluster of two nodes on this machine, started here and stopped at the end. One task of the job array is
# killed in the middle of its share; the sweep is resumed and merged, and must be byte for byte that of one uninterrupted process.
#
#   tests/slurm/test.sh TILEPATH
set -euo pipefail
tilepath=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
"$here/../../scripts/install-packages" slurm-wlm munge
PATH=$PATH:/usr/sbin:/sbin

folder=$(mktemp -d /tmp/tilepath-slurm-XXXXXX)
user=$(id -un)
stop() {
  status=$?
  for pid in slurmctld n1 n2 munged; do
    [ -f "$folder/$pid.pid" ] && kill "$(cat "$folder/$pid.pid")" 2>/dev/null || true
  done
  [ "$status" -eq 0 ] || tail -n 20 "$folder"/*.log >&2 || true
  sleep 0.5
  rm -rf "$folder"
  exit "$status"
}
trap stop EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

# The cluster.
mkdir -p "$folder"/{state,spool/n1,spool/n2}
chmod 755 "$folder"
(umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
  --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"
port=$((20000 + RANDOM % 20000))
cat >"$folder/slurm.conf" <<CONF
ClusterName=tilepath
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
SlurmctldPort=$port
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmdParameters=config_overrides
MailProg=/bin/true
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 RealMemory=500
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 RealMemory=500
PartitionName=p Nodes=n1,n2 Default=YES State=UP MaxTime=INFINITE
CONF
export SLURM_CONF=$folder/slurm.conf
slurmctld -f "$SLURM_CONF"
slurmd -N n1 -f "$SLURM_CONF"
slurmd -N n2 -f "$SLURM_CONF"
for _ in $(seq 100); do
  [ "$(sinfo --noheader --states=idle --format=%D 2>/dev/null)" = 2 ] && break
  sleep 0.2
done
[ "$(sinfo --noheader --states=idle --format=%D)" = 2 ] || fail "the cluster did not come up"

# One process, uninterrupted.
cat >"$folder/sweep.json" <<'SWEEP'
{"schema_version": 1, "name": "on-slurm", "arch": "eyeriss-3level", "workloads": ["alexnet"],
 "mapspace": {"remainders": "none"},
 "parameters": [
  {"pointer": "/levels/1/fanout/x", "values": [8, 14, 16]},
  {"pointer": "/levels/1/capacity_words", "from": 4096, "to": 65536, "times": 2},
  {"pointer": "/levels/2/capacity_words", "from": 64, "to": 512, "step": 64}],
 "where": ["GLB_capacity_words + 168 * RF_capacity_words <= 120000"]}
SWEEP
"$tilepath" sweep run "$folder/sweep.json" -o "$folder/single"

# The same as an array of six tasks, of which one is killed when it has written something and is not done.
out=$folder/out
"$tilepath" sweep submit "$folder/sweep.json" -o "$out" --tasks 6 -- --partition=p --mem=200
victim=
for _ in $(seq 600); do
  for share in 0 1 2 3 4 5; do
    [ -s "$out/share-0000$share.jsonl" ] && [ ! -e "$out/share-0000$share.done" ] && victim=$share && break 2
  done
  sleep 0.05
done
[ -n "$victim" ] || fail "no task was seen in the middle of its share"
kill -KILL "$(sed -n 's/.*"event":"start".*"process":\([0-9]*\).*/\1/p' "$out/share-0000$victim.log")"
"$tilepath" sweep status "$out"
for _ in $(seq 600); do
  [ -z "$(squeue --noheader)" ] && break
  sleep 0.2
done
[ ! -e "$out/share-0000$victim.done" ] || fail "the task was done before it was killed"
[ -s "$out/share-0000$victim.jsonl" ] || fail "what the killed task had written is gone"
status=$("$tilepath" sweep status "$out")
echo "$status"
grep -q "5 done 1 failed of 6" <<<"$status" || fail "status does not say that one task failed"
grep -q "share $victim: stopped at point [0-9]*: killed or lost" <<<"$status" || fail "status does not say how it failed"
if "$tilepath" sweep merge "$out" -o "$folder/merged.jsonl"; then fail "merged although a share is not complete"; fi

# Resumed: that share alone, from where it was.
before=$(wc -l <"$out/share-0000$victim.jsonl")
"$tilepath" sweep submit -o "$out" --resume | tee "$folder/resumed.txt"
grep -q "shares $victim\$" "$folder/resumed.txt" || fail "not that share alone was submitted again"
for _ in $(seq 600); do
  [ -z "$(squeue --noheader)" ] && break
  sleep 0.2
done
grep -q "\"event\":\"start\".*\"point\":[1-9]" "$out/share-0000$victim.log" || fail "the share began anew"
[ "$before" -gt 0 ]
"$tilepath" sweep status "$out"
"$tilepath" sweep merge "$out" -o "$folder/merged.jsonl"
cmp "$folder/single/results.jsonl" "$folder/merged.jsonl" || fail "the merged file differs from the single run's"
echo "passed: $(wc -l <"$folder/merged.jsonl") records, byte for byte those of one uninterrupted process"
