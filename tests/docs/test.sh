#!/usr/bin/env bash
# Run the commands (```sh) of the documents, in their order, in a folder of their own, with the real programs that they name.
set -euo pipefail
root=$(realpath "$(dirname "$0")/../..")
tilepath=$(realpath "$1")
"$root/scripts/install-packages" jq gnuplot-nox python3-pandas
export PATH="$(dirname "$tilepath"):$PATH" TILEPATH_ARCH="$root/arch" TIMELOOP="$root/tests/data/timeloop"
for document in tutorial scripts from-timeloop; do
  work=$(mktemp -d)
  sed -n '/^```sh$/,/^```$/p' "$root/docs/$document.md" | sed '/^```/d' >"$work/commands"
  if ! (cd "$work" && bash -euo pipefail commands >out 2>&1); then
    echo "docs/$document.md: a command failed; its last words:" >&2
    tail -5 "$work/out" >&2
    exit 1
  fi
  [ "$document" != tutorial ] || cmp "$work/dataflows.tsv" "$root/docs/tutorial/dataflows.tsv"  # the figure's data have not moved
  # What a document shows as printed is what is printed.
  if [ "$document" = tutorial ]; then
    sed -n '/^```text$/,/^```$/p' "$root/docs/$document.md" | sed '/^```/d' | while IFS= read -r line; do
      grep -qxF -- "$line" "$work/out" || { echo "docs/$document.md: is not printed: $line" >&2; exit 1; }
    done
  fi
  echo "docs/$document.md: $(grep -c . "$work/commands") lines of commands ran"
  rm -rf "$work"
done
