#!/bin/sh
# Makes the DocC pages of the two libraries: docs.sh DIRECTORY
set -eu

output=$1
cd -- "$(dirname -- "$0")/.."
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT
for module in FuseKernel StackCore; do
    mkdir "$graphs/$module"
    swift build --target "$module" -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$graphs"
    mv "$graphs/$module".symbols.json "$graphs/$module@"*.symbols.json "$graphs/$module" 2>/dev/null || true
    mkdir -p "$output"
    docc convert --fallback-display-name "$module" --fallback-bundle-identifier "stackfs.$module" \
        --additional-symbol-graph-dir "$graphs/$module" --output-path "$output/$module"
    echo "Documentation of $module: $output/$module (look at it with: docc preview, or any web server)"
done
