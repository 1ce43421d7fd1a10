"""nchan: publish and subscribe inside nginx, a module in C. One worker, one channel, messages in its memory."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from ..generator import Target
from ..install import debian_package
from ..places import BENCH
from ..processes import Server, free_port
from .base import SOCKETS, SSE, Peer, post, running

_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
_NGINX = Path("/usr/sbin/nginx")
_FOLDER = BENCH / "nchan"

_CONFIGURATION = """
load_module {module};
daemon off;
worker_processes 1;
worker_rlimit_nofile 60000;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 30000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    client_body_buffer_size 64k;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    nchan_shared_memory_size 256m;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /publish {{
            nchan_publisher;
            nchan_channel_id $arg_id;
            nchan_message_buffer_length 1000;
        }}
        location = /subscribe {{
            nchan_subscriber;
            nchan_channel_id $arg_id;
            nchan_subscriber_first_message newest;
        }}
    }}
}}
"""


class Nchan(Peer):
    """SSE and raw WebSocket; it has no Socket.IO."""

    name: ClassVar[str] = "nchan"
    title: ClassVar[str] = "nchan (nginx, C)"
    wires: ClassVar[tuple[str, ...]] = (SSE, SOCKETS)

    def set_up(self) -> None:
        debian_package("nginx", _NGINX)
        debian_package("libnginx-mod-nchan", _MODULE)

    def start(self, wire: str, stack: ExitStack) -> Target:
        port = free_port()
        _FOLDER.mkdir(parents=True, exist_ok=True)
        configuration = _FOLDER / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(module=_MODULE, folder=_FOLDER, port=port))
        server = running(stack, Server("nchan", [_NGINX, "-p", _FOLDER, "-c", configuration], port=port))
        server.wait_for_http()
        options = {"wire": wire, "path": "/subscribe?id=bench"} | post("/publish?id=bench", "{data}")
        return Target([server], options)

    def version(self) -> str:
        asked = [shutil.which("dpkg-query") or "true", "-W", "-f", "${Version}", "libnginx-mod-nchan"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout
