#!/usr/bin/env bash
# Installs the system packages some tests need, when it may: as root, or with a sudo that asks for no password.
# Says which tests will be skipped when it may not. FLORENCE_INSTALL=0 leaves the system alone.
set -euo pipefail

declare -A needed_for=(
  [pocl-opencl-icd]="tests on OpenCL devices"
  [ocl-icd-libopencl1]="tests on OpenCL devices"
  [openmpi-bin]="tests of several MPI ranks"
  [libopenmpi-dev]="tests of several MPI ranks"
  [libtcmalloc-minimal4]="the fair setting of libtorch in benchmarks"
  [g++]="the CUDA emulator and TorchSharp on Debian 12"
  [make]="the CUDA emulator"
  [python3]="TorchSharp on Debian 12"
)

command -v dpkg-query > /dev/null || { echo "packages: this system has no dpkg; tests that miss a library say so and are skipped"; exit 0; }
missing=()
for package in "${!needed_for[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

tell_skipped() {
  for package in "${missing[@]}"; do echo "packages: without $package, ${needed_for[$package]} are skipped ($1)"; done
}

[ "${FLORENCE_INSTALL:-1}" != 0 ] || { tell_skipped "FLORENCE_INSTALL=0"; exit 0; }
if [ "$(id -u)" -eq 0 ]; then as_root=()
elif sudo -n true 2> /dev/null; then as_root=(sudo -n)
else tell_skipped "installing needs root"; exit 0
fi

echo "packages: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
"${apt[@]}" update < /dev/null > "$log" 2>&1 || echo "packages: apt-get update failed; trying with the lists at hand"
if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" < /dev/null >> "$log" 2>&1; then
  tail -n 5 "$log"
  tell_skipped "apt-get install failed"
fi
