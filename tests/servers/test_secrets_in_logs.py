"""Access logs: what clients without headers carry in their query is not in them."""

from __future__ import annotations

import pytest
import requests

from tests.support.processes import eventually, running, start_gevent, start_gunicorn


@pytest.mark.parametrize("kind", ["python server.py", "gunicorn"])
def test_tickets_and_tokens_are_in_no_access_log(kind: str) -> None:
    server = start_gunicorn("server", "--access-logfile", "-") if kind == "gunicorn" else start_gevent(ACCESS_LOG="1")
    with running(server):
        for name in ("ticket", "token", "access_token"):
            address = f"/rooms/a/messages?{name}=SECRET&limit=1"
            answer = requests.get(server.url + address, headers={"Referer": f"http://x{address}"}, timeout=20)
            assert "SECRET" not in answer.text
        eventually(lambda: "access_token=***&limit=1" in server.output, what="the access log")
        assert "ticket=***" in server.output
        assert "SECRET" not in server.output
