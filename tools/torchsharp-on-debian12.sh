#!/usr/bin/env bash
# Lets TorchSharp's native library load where libstdc++ is older than GCC 13's (Debian 12). Usage: torchsharp-on-debian12.sh BIN_DIR
# Prints the library to preload, or nothing where the system needs no help.
#
# The library asks for one symbol of version GLIBCXX_3.4.32, std::ios_base_library_init(), which only forces the initialisation of
# the standard streams. A copy in which that version is a weak need, and a preloaded library that has the symbol, are enough.
set -euo pipefail
wanted=GLIBCXX_3.4.32
bin=$(cd "$1" && pwd)
shim=$bin/libglibcxx-shim.so

system=$(ldconfig -p 2> /dev/null | awk '/libstdc\+\+\.so\.6 .*x86-64/ { print $NF; exit }')
if [ -n "$system" ] && grep -qa "$wanted" "$system"; then exit 0; fi
for tool in g++ python3; do
  command -v $tool > /dev/null || { echo "TorchSharp needs $wanted, which this system lacks, and $tool to do without it" >&2; exit 1; }
done

find "$bin" -name libLibTorchSharp.so > "$bin/.torchsharp-natives"
if [ ! -s "$bin/.torchsharp-natives" ]; then
  echo "no libLibTorchSharp.so under the given folder: build the project first" >&2
  exit 1
fi
[ -f "$shim" ] || g++ -shared -fPIC -O2 -x c++ -o "$shim" - <<'CPP'
#include <iostream>
extern "C" void _ZSt21ios_base_library_initv() { static std::ios_base::Init streams; }
CPP

python3 - "$wanted" "$bin/.torchsharp-natives" <<'PY'
import mmap, struct, sys

DT_STRTAB, DT_VERNEED, DT_VERNEEDNUM, PT_LOAD, PT_DYNAMIC, WEAK = 5, 0x6FFFFFFE, 0x6FFFFFFF, 1, 2, 2


def weaken(image, wanted):
    """Sets the weak flag of every need of one version, found as the dynamic loader finds it: by the dynamic segment."""
    table, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    segments = [struct.unpack_from("<IIQQQQ", image, table + size * n) for n in range(count)]

    def offset_of(address):
        return next(s[2] + address - s[3] for s in segments if s[0] == PT_LOAD and s[3] <= address < s[3] + s[5])

    dynamic = next(s for s in segments if s[0] == PT_DYNAMIC)
    tags = dict(struct.iter_unpack("<QQ", image[dynamic[2]:dynamic[2] + dynamic[5] // 16 * 16]))
    strings, need = offset_of(tags[DT_STRTAB]), offset_of(tags[DT_VERNEED])
    for _ in range(tags[DT_VERNEEDNUM]):
        _, versions, _, first, next_need = struct.unpack_from("<HHIII", image, need)
        version = need + first
        for _ in range(versions):
            _, flags, _, name, next_version = struct.unpack_from("<IHHII", image, version)
            if image[strings + name:strings + name + len(wanted) + 1] == wanted + b"\0":
                struct.pack_into("<H", image, version + 4, flags | WEAK)
            version += next_version
        need += next_need


for path in open(sys.argv[2]).read().splitlines():
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as image:
        weaken(image, sys.argv[1].encode())
PY
rm -f "$bin/.torchsharp-natives"
echo "$shim"
