#!/usr/bin/env bash
# Open reports of the real program in Debian's Chromium, as a reader would: offline, with a mouse, to paper.
set -euo pipefail
source_dir=$(dirname "$(realpath "$0")")
tilepath=$1
packages=(chromium)
command -v npm >/dev/null || packages+=(nodejs npm)
"$source_dir/../../scripts/install-packages" "${packages[@]}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$source_dir"/{package.json,package-lock.json,browser.mjs} "$work"
(cd "$work" && npm ci --silent --no-audit --no-fund)
"$tilepath" compare alexnet --layer conv3 --layer fc7 --arch eyeriss-3level --arch tpu-v1 --remainders none --pareto --verify -o "$work/compared.json" >"$work/log"
"$tilepath" sweep run "$source_dir/sweep.json" -o "$work/sweep" >>"$work/log"
"$tilepath" report "$work/compared.json" "$work/sweep" --title 'A <b>report</b> & more' -o "$work/report.html" >>"$work/log"
node "$work/browser.mjs" "$work/report.html" "$work"
