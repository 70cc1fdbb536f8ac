#!/bin/sh
# Makes the DocC pages of the two libraries: docs.sh DIRECTORY
set -eu

output=$1
cd -- "$(dirname -- "$0")/.."
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT
# A place of its own, as the flags would make the next ordinary build start over.
swift build --scratch-path .build/docs-build --target StackCore \
    -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$graphs"
for module in FuseKernel StackCore; do
    mkdir -p "$graphs/$module" "$output"
    mv "$graphs/$module.symbols.json" "$graphs/$module"
    docc convert --fallback-display-name "$module" --fallback-bundle-identifier "stackfs.$module" \
        --transform-for-static-hosting --hosting-base-path "$module" \
        --additional-symbol-graph-dir "$graphs/$module" --output-path "$output/$module"
done
echo "To look at it: python3 -m http.server -d $output 8000, then http://localhost:8000/FuseKernel/documentation/fusekernel"
