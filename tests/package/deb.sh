#!/usr/bin/env bash
# Make a Debian package of BUILD, install it on a clean root of this Debian, run it there: packages come by the package manager alone.
set -euo pipefail
source_dir=$(dirname "$(realpath "$0")")
build=$(realpath "$1")
[ "$(id -u)" -eq 0 ] || exec sudo "$0" "$@"  # for debootstrap and chroot
"$source_dir/../../scripts/install-packages" debootstrap dpkg-dev file
work=$(mktemp -d)
root=$work/root
trap 'rm -rf "$work"' EXIT
(cd "$build" && cpack -G DEB -B "$work/package" >"$work/cpack.log") || { cat "$work/cpack.log" >&2; exit 1; }
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" | head -1)
debootstrap --variant=minbase "$codename" "$root" "$mirror" >"$work/debootstrap.log" || { tail "$work/debootstrap.log" >&2; exit 1; }
rm -f "$root/etc/apt/sources.list"
cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d /etc/apt/auth.conf.d /etc/apt/keyrings "$root/etc/apt/" 2>/dev/null || true
cp "$work"/package/*.deb "$root/tilepath.deb"
# There is no /proc, either.
cat >"$root/try" <<'INSIDE'
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends /tilepath.deb >/dev/null 2>&1
cd /
tilepath --version
tilepath doctor
tilepath search alexnet --arch eyeriss --layer conv3 --remainders none --verify -o r.json | tail -2
tilepath report r.json -o r.html
for file in man/man1/tilepath.1 bash-completion/completions/tilepath zsh/vendor-completions/_tilepath fish/vendor_completions.d/tilepath.fish; do
  test -s "/usr/share/$file"
done
dpkg -r tilepath >/dev/null
test ! -e /usr/bin/tilepath
echo 'package: installed on a clean root, ran, removed'
INSIDE
chroot "$root" bash /try
