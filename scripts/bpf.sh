#!/bin/sh
# Compiles a BPF program and writes it down as a Swift constant: bpf.sh CLANG PROGRAM.bpf.c NAME OUTPUT.swift
#
# The object goes into the binary that way, and there is no file to look for at run time.
set -eu

clang=$1 program=$2 name=$3 output=$4
object=$output.o

if [ ! -e /usr/include/bpf/bpf_helpers.h ]; then
    echo "stackfs: the headers of libbpf are missing: run \`make setup\` as root" >&2
    exit 1
fi
# Of the third version are the atomic exchanges, Linux 5.12. Debug information is where the kernel's types come from.
"$clang" --target=bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -c "$program" -o "$object"
{
    echo "// Made from $(basename "$program")."
    echo "/// The BPF object in hexadecimal digits."
    printf 'let %s: StaticString = "' "$name"
    od -An -v -tx1 "$object" | tr -d ' \n'
    echo '"'
} >"$output"
