#!/bin/sh
# Copy the browser's share of the npm packages to where the pages load it from. One line per file.
set -eu
from=node_modules
to=static/js/vendor

rm -rf "$to"
mkdir -p "$to"
while read -r file; do
    cp "$from/$file" "$to/"
done <<EOF
socket.io-client/dist/socket.io.min.js
socket.io-client/dist/socket.io.min.js.map
uplot/dist/uPlot.iife.min.js
uplot/dist/uPlot.min.css
EOF
