#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""extract.py vmlinuz|module IN OUT: write the raw BTF of a boot image or of a kernel module to OUT.

objcopy is not used: 'objcopy -O binary --only-section=.BTF' writes a huge, wrong file for a
vmlinux, and --dump-section rewrites its input. Exit 3 when IN has no BTF.
"""
import struct
import subprocess
import sys

PACKERS = (
    (b"\x28\xb5\x2f\xfd", ["zstd", "-dcq"]),
    (b"\xfd7zXZ\0", ["xz", "-dcq", "--single-stream"]),
    (b"\x02\x21\x4c\x18", ["lz4", "-dcq"]),
    (b"\x1f\x8b", ["gzip", "-dcq"]),
)


def unpack_bzimage(image):
    """The ELF vmlinux inside a bzImage (x86 boot protocol 2.08: payload_offset, payload_length)."""
    if image[0x202:0x206] != b"HdrS":
        sys.exit("extract.py: not a bzImage")
    start = ((image[0x1F1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[start + offset:start + offset + length]
    for magic, command in PACKERS:
        if payload.startswith(magic):
            # the last 4 bytes are the unpacked size, which only gzip has as a part of its format
            data = payload if command[0] == "gzip" else payload[:-4]
            elf = subprocess.run(command, input=data, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, check=False).stdout
            if elf[:4] != b"\x7fELF":
                sys.exit("extract.py: %s gives no ELF" % command[0])
            return elf
    sys.exit("extract.py: unknown compression %s" % payload[:6].hex())


def btf_of_image(image):
    """The BTF in the boot image of arm64: what will be in memory, as it is, without names of sections."""
    start = -1
    while True:
        # magic, version, flags, length of the header
        start = image.find(struct.pack("<HBBI", 0xEB9F, 1, 0, 24), start + 1)
        if start < 0:
            return None
        _, type_len, strings, strings_len = struct.unpack_from("<IIII", image, start + 8)
        first = start + 24 + strings
        if strings == type_len and image[first:first + 1] == b"\0" and \
                b"\0task_struct\0" in image[first:first + strings_len]:
            return image[start:first + strings_len]


def section(elf, wanted):
    """The bytes of section WANTED of a 64-bit little-endian ELF, or None."""
    if elf[:6] != b"\x7fELF\x02\x01":
        sys.exit("extract.py: not a 64-bit little-endian ELF")
    shoff, = struct.unpack_from("<Q", elf, 40)
    shentsize, shnum, shstrndx = struct.unpack_from("<HHH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQ", elf, shoff + i * shentsize) for i in range(shnum)]
    names = headers[shstrndx][4]
    for name, _, _, _, offset, size in headers:
        end = elf.index(b"\0", names + name)
        if elf[names + name:end] == wanted:
            return elf[offset:offset + size]
    return None


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("vmlinuz", "module"):
        sys.exit("usage: extract.py vmlinuz|module IN OUT")
    with open(sys.argv[2], "rb") as file:
        data = file.read()
    if sys.argv[1] == "vmlinuz" and data[56:60] == b"ARM\x64":
        btf = btf_of_image(data)
    else:
        btf = section(unpack_bzimage(data) if sys.argv[1] == "vmlinuz" else data, b".BTF")
    if btf is None:
        sys.exit(3)
    with open(sys.argv[3], "wb") as file:
        file.write(btf)


main()
