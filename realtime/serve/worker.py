"""The gunicorn worker: ``gunicorn --worker-class realtime.serve.worker.Worker server:app``.

gunicorn's gevent worker with WebSockets, with the access log kept, and with streams ended when it is told to stop. This
file may not know what is served.
"""

from __future__ import annotations

import os
from typing import Any

from gevent import monkey
from gunicorn.errors import AppImportError
from gunicorn.workers.ggevent import GeventPyWSGIWorker, PyWSGIHandler, PyWSGIServer

from ..errors import ConfigError
from ..web.servers import parted
from .answering import scrubbed
from .collector import spare_collector
from .draining import Draining
from .handler import Handler
from .mounting import mount_point, mounted, states


class WorkerHandler(Handler, PyWSGIHandler):
    """The shared handler with gunicorn's access log and environment."""

    environ: Any

    def log_request(self) -> None:
        """Log through gunicorn, without tickets."""
        environ = self.environ
        if environ is not None and "=" in environ.get("QUERY_STRING", "") + environ.get("HTTP_REFERER", ""):
            shown = {name: scrubbed(environ[name]) for name in ("RAW_URI", "HTTP_REFERER") if name in environ}
            query = scrubbed(f"?{environ.get('QUERY_STRING', '')}")[1:]
            self.environ = {**environ, **shown, "QUERY_STRING": query}
        try:
            PyWSGIHandler.log_request(self)
        finally:
            self.environ = environ

    def get_environ(self) -> dict[str, Any]:
        """The request, with what gunicorn adds."""
        environ = super().get_environ()
        environ["gunicorn.sock"] = self.socket
        environ["RAW_URI"] = self.path
        return environ


class WorkerServer(Draining, PyWSGIServer):
    """gunicorn's server, ending idle connections when it closes."""


class Worker(GeventPyWSGIWorker):
    """A gevent worker whose streams end at once when it shuts down, so that their clients reconnect elsewhere."""

    wsgi: Any
    server_class = WorkerServer
    wsgi_handler = WorkerHandler

    @classmethod
    def setup(cls) -> None:
        """Called before anything is loaded, in the master.

        With ``--preload`` the application is made there, before the worker patches its process. What it makes (locks,
        events, the choice of greenlets) must fit the worker. The master's own work (forking, signals, waiting for its
        children) stays unpatched.
        """
        monkey.patch_thread()
        monkey.patch_socket()
        monkey.patch_ssl()
        monkey.patch_queue()

    def run(self) -> None:
        """Serve. The application is loaded."""
        spare_collector()
        super().run()

    def load_wsgi(self) -> None:
        """Load the application. One that refuses to start (a bad setting) is not started again and again.

        What cannot work with several workers is said once, by the first of them; what needs the log is refused then.
        """
        try:
            super().load_wsgi()
            # As gunicorn's other workers, which read the variable for each request.
            self.wsgi = mounted(self.wsgi, mount_point(os.environ))
        except SystemExit as exc:
            raise AppImportError(exc.code) from None
        except ConfigError as exc:
            raise AppImportError(f"configuration: {exc}") from None
        apart = any(not state.bus.shared for state in states(self.wsgi))
        if apart and self.cfg.workers > 1 and self.age == 1:
            self.log.error("%s", parted(f"gunicorn --workers {self.cfg.workers}"))

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: end streams first, in a greenlet of their own, since a signal handler may not wait."""
        import gevent  # noqa: PLC0415  the worker has patched the process by now

        # The signal may come before the application is loaded.
        for state in states(getattr(self, "wsgi", None)):
            gevent.spawn(state.close)
        super().handle_exit(sig, frame)
