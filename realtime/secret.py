"""The secret key of an application that was given none: generated once, kept in its instance folder, readable by its
user only. This file may not know what is signed with it.
"""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path


def kept_secret(folder: str | Path) -> str:
    """Return the secret key kept in ``folder``, made now if there is none.

    The file has mode 0600. Of several processes that start at once, one writes it and the others read it. A warning
    says that processes on other machines need the same key by configuration.
    """
    path = Path(folder) / "secret_key"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".secret_key.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        try:
            # A link appears whole or not at all, and never replaces what another process was quicker to write.
            path.hardlink_to(fresh)
            logging.getLogger(__name__).warning(
                "no SECRET_KEY is configured; one was made and kept in %s. Several machines need one shared key: "
                "set SECRET_KEY",
                path,
            )
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text("ascii").strip()
