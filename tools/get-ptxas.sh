#!/usr/bin/env bash
# Gets NVIDIA's assembler for PTX, which proves and measures kernels without a GPU. Usage: get-ptxas.sh [FOLDER]
# Prints the path of ptxas. FOLDER is where it is kept; without it cache/ptxas, where tests and 'florence kernels report' look.
#
# The assembler comes from the distribution's own package of the CUDA toolkit: package lists and the package go to the folder, nothing is
# installed, no root and no driver are needed. The package is not free software; its licence is beside the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
package=nvidia-cuda-toolkit
folder=${1:-cache/ptxas}

give_up() { echo "ptxas: $1; put a CUDA toolkit's ptxas on the PATH or name it in FLORENCE_PTXAS" >&2; exit 1; }

if [ -x "$folder/bin/ptxas" ]; then echo "$(cd "$folder/bin" && pwd)/ptxas"; exit 0; fi
for tool in apt-get dpkg-deb; do command -v $tool > /dev/null || give_up "this system has no $tool to fetch it with"; done
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$folder/partial
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/empty" "$work/files"

# The repositories this system already uses, with the part that holds software that is not free.
keys=$(ls /usr/share/keyrings/debian-archive-keyring.* /usr/share/keyrings/ubuntu-archive-keyring.* 2> /dev/null | head -n 1 || true)
for origin in Debian Ubuntu; do
  parts=non-free
  [ $origin = Debian ] || parts=multiverse
  apt-get indextargets --format "deb ${keys:+[signed-by=$keys]} \$(REPO_URI) \$(RELEASE) $parts" \
    'Created-By: Packages' 'Component: main' "Origin: $origin" 2> /dev/null || true
done | sort -u > "$work/sources.list"
[ -s "$work/sources.list" ] || give_up "no Debian or Ubuntu repository is set up on this system"

apt=(apt-get -qq -o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=$work/empty" -o "Dir::State::Lists=$work/lists"
  -o "Dir::Cache=$work" -o "Dir::Cache::Archives=$work/archives" -o APT::Sandbox::User=root -o Acquire::Languages=none)
"${apt[@]}" update > "$work/log" 2>&1 || true
(cd "$work/archives" && "${apt[@]}" download $package) >> "$work/log" 2>&1 \
  || give_up "the distribution's package $package could not be fetched ($(tail -n 1 "$work/log" | cut -c1-120 | sed 's#[a-z]*://[^ ]*#its repository#g'))"
dpkg-deb -x "$work"/archives/"$package"_*.deb "$work/files"
program=$(find "$work/files" -type f -name ptxas | head -n 1)
[ -n "$program" ] || give_up "the package $package holds no ptxas"
mkdir -p "$folder/bin"
find "$work/files/usr/share/doc/$package" -name copyright -exec cp {} "$folder/LICENCE" \; 2> /dev/null || true
cp "$program" "$folder/bin/ptxas.partial"
chmod +x "$folder/bin/ptxas.partial"
mv "$folder/bin/ptxas.partial" "$folder/bin/ptxas"
"$folder/bin/ptxas" --version > /dev/null 2>&1 || { rm -f "$folder/bin/ptxas"; give_up "the package's ptxas does not run on this machine"; }
echo "$folder/bin/ptxas"
