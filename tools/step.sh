#!/bin/sh
# One step of the set-up, in one line of output; everything the step said is shown only when it failed.
# Usage: step.sh TITLE COMMAND [ARGUMENT...]
set -u
title=$1
shift
echo "· $title"
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM
"$@" >"$log" 2>&1
status=$?
if [ "$status" -ne 0 ]; then
    cat "$log" >&2
    echo "failed: $title" >&2
fi
exit "$status"
