"""``*`` as an allowed origin is refused at start, whichever way it is said: cookies travel along."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_socketio import SocketIO

from realtime import ConfigError, Realtime


@pytest.mark.parametrize("value", ["*", ["*"], "https://example.com,*"])
def test_not_as_a_setting(value: Any) -> None:
    app = Flask("shop")
    app.config["REALTIME_ALLOWED_ORIGINS"] = value
    with pytest.raises(ConfigError, match=r"REALTIME_ALLOWED_ORIGINS is .*\* is not accepted: cookies travel"):
        Realtime(app)


@pytest.mark.parametrize("value", ["*", ["https://example.com", "*"], ("*",)])
@pytest.mark.parametrize("first", [True, False])
def test_not_of_the_applications_own_socketio(value: Any, first: bool) -> None:
    app = Flask("shop")
    socketio = SocketIO(cors_allowed_origins=value)
    if first:
        socketio.init_app(app)
    with pytest.raises(ConfigError, match="REALTIME_ALLOWED_ORIGINS"):
        Realtime(app, socketio=socketio)


@pytest.mark.parametrize("value", ["https://example.com", ["https://example.com"], [], None])
def test_named_ones_are(value: Any) -> None:
    app = Flask("shop")
    Realtime(app, socketio=SocketIO(cors_allowed_origins=value))
