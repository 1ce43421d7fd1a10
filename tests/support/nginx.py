"""A real nginx in front of a server under test, with whatever configuration a test wants to see fail or work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .processes import Process, eventually, is_open, program

PLAIN = """
pid nginx.pid;
error_log error.log;
events {}
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path u; scgi_temp_path s;
    server {
        listen 127.0.0.1:%(port)s;
        location / { proxy_pass %(upstream)s; }
    }
}
"""


@contextmanager
def nginx(folder: Path, configuration: str, port: int) -> Iterator[str]:
    """A running nginx with this configuration; its address."""
    file = folder / "nginx.conf"
    file.write_text(configuration)
    command = [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(file), "-g", "daemon off;"]
    process = Process(command, env={})
    try:
        eventually(lambda: is_open(port) or process.popen.poll() is not None, what="nginx's port")
        assert process.popen.poll() is None, process.output
        yield f"http://127.0.0.1:{port}"
    finally:
        assert process.stop() == 0
    log = process.output + (folder / "error.log").read_text()
    assert not re.search(r"\[(crit|alert|emerg)\]", log), log
