#!/bin/sh
# Make the virtual environment, unless a working one is there already.
# Usage: venv.sh PYTHON FOLDER
set -u
python=$1
venv=$2
here=$(dirname "$0")

fail() {
    echo "make: $1" >&2
    exit 1
}

"$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && exit 0

command -v "$python" >/dev/null ||
    fail "Python 3.11 or newer is needed and \"$python\" was not found; install it, or name one: make PYTHON=/path/to/python3"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "\"$python\" does not run"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed and \"$python\" is $version; name another one: make PYTHON=/path/to/python3"

# Debian keeps these two modules in a package of their own.
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    sh "$here/system_packages.sh" "python$version-venv" || exit 1

# --clear: what lies there is the rest of an attempt that failed, or belongs to a Python that has gone.
sh "$here/step.sh" "virtual environment in $venv (Python $version)" "$python" -m venv --clear "$venv"
