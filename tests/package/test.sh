#!/usr/bin/env bash
# Install BUILD into a folder, build the example against it with find_package, run it.
set -euo pipefail
source_dir=$(dirname "$(realpath "$0")")
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/installed" >/dev/null
cmake -S "$source_dir" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/installed" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$work/build" >/dev/null
"$work/build/example" | tail -1
# The installed program finds its ready-made files beside it.
(cd / && "$work/installed/bin/tilepath" show eyeriss) | head -1
