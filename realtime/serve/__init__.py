"""Servers. The only files with server words: gevent's own, and the gunicorn worker."""
