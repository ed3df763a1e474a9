#!/usr/bin/env bash
# The ready-made sweep of register file against buffer: its figures are those in docs/sweeps, and say what Chen, Emer and Sze found
# (ISCA 2016): row stationary is best with 512 B of register file a PE; weight stationary and no local reuse with as little as there
# is, all else going to the buffer.
#
#   tests/sweeps/test.sh TILEPATH
set -euo pipefail
tilepath=$(realpath "$1")
docs=$(cd "$(dirname "$0")/../../docs/sweeps" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$tilepath" sweep run rf-against-buffer -o "$folder/out"
"$tilepath" sweep export "$folder/out" -o "$folder/rf-against-buffer.csv"
diff "$docs/rf-against-buffer.csv" "$folder/rf-against-buffer.csv"
best() { "$tilepath" sweep best "$folder/out" --dataflow "$1" --csv | sed -n 2p | cut -d, -f3; }
[ "$(best row-stationary)" = 256 ]
[ "$(best weight-stationary)" = 1 ]
[ "$(best no-local-reuse)" = 1 ]
