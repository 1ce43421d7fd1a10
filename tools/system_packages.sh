#!/bin/sh
# Make sure that programs outside of Python and npm are there: install what is missing with apt-get, as root or
# through a sudo that asks for no password. Anywhere else, say in one line what to install, and fail.
# Usage: system_packages.sh DEBIAN_PACKAGE...
set -u
PATH=$PATH:/usr/sbin:/sbin:/snap/bin

have() {
    case $1 in
        chromium)
            # Any browser of the family serves; the tests look for the same names, and for $CHROMIUM first.
            [ -n "${CHROMIUM:-}" ] && return 0
            for name in chromium chromium-browser google-chrome google-chrome-stable; do
                command -v "$name" >/dev/null && return 0
            done
            return 1
            ;;
        firefox-esr) command -v firefox-esr >/dev/null || command -v firefox >/dev/null ;;
        # The system's Python has it, not the one of the virtual environment.
        python3-pyqt5.qtwebkit) /usr/bin/python3 -c 'import PyQt5.QtWebKitWidgets' 2>/dev/null ;;
        # Debian keeps the server's programs where no PATH looks.
        postgresql)
            for name in /usr/lib/postgresql/*/bin/initdb; do
                [ -x "$name" ] && return 0
            done
            command -v initdb >/dev/null
            ;;
        *-venv) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

still_missing() {
    for package in "$@"; do
        have "$package" || printf ' %s' "$package"
    done
}

missing=$(still_missing "$@")
[ -z "$missing" ] && exit 0

fail() {
    echo "make: missing:$missing; $1" >&2
    exit 1
}

command -v apt-get >/dev/null || fail "install with your system's package manager (these are Debian's names), then run make again"
if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    fail "run: sudo apt-get install$missing, then make again"
fi

# The tests start their own servers on their own ports. The services that come with the packages stay off: by
# Debian's own means, a policy-rc.d for the time of the installation (unless the machine has its own).
# shellcheck disable=SC2016
install='
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
trap "exit 130" INT TERM
if [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy"
fi
get="apt-get -qq -y -o DPkg::Lock::Timeout=300"
$get install --no-install-recommends "$@" || { $get update && $get install --no-install-recommends "$@"; } || exit 1
if [ -d /run/systemd/system ]; then
    for unit in "$@"; do systemctl --quiet disable "$unit" 2>/dev/null; done
fi
exit 0
'
# shellcheck disable=SC2086
sh "$(dirname "$0")/step.sh" "system packages:$missing" $as_root sh -c "$install" sh $missing ||
    fail "apt-get could not install them (see above); install by hand, then run make again"

missing=$(still_missing $missing)
[ -z "$missing" ] || fail "apt-get has installed its packages, but the programs are not on the PATH"
