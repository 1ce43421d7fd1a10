"""Signals: what happened, for whoever wants to know; blinker's, as Flask's own, with the application as the sender.

    @message_published.connect_via(app)
    def count(sender, *, message, source, **_):
        ...

They cost nothing while nobody is connected. This file defines and sends; it may not decide that something happened.
"""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

message_published = _signals.signal(
    "realtime-message-published",
    """A message was accepted: it is in the log.

    Sent in the process that published it and nowhere else, once, before the publisher has its answer, with the
    publisher's contexts: ``message`` (with its id), and ``source``, ``sid`` and ``identity`` as in ``Publication``. A
    repeated key sends nothing. What a receiver raises is logged and changes nothing for the publisher.""",
)

connection_opened = _signals.signal(
    "realtime-connection-opened",
    """A client of this process began to read rooms: ``transport`` (``"sse"``, ``"socketio"``, ``"longpoll"``), ``id``
    (of the Socket.IO session, else empty), and its ``rooms``, a frozenset.

    A Socket.IO client is told of when it enters its first room; Flask-SocketIO's own ``connect`` is earlier. This and
    the following signals are sent in order by a task of their own, with an application context, so that a slow receiver
    holds up no client.""",
)

connection_closed = _signals.signal(
    "realtime-connection-closed",
    """A client of this process is gone: ``transport``, ``id``, and the ``rooms`` that it read last.""",
)

bus_down = _signals.signal(
    "realtime-bus-down",
    """This process cannot follow the shared bus any more. Publishing is refused; clients get what they miss later.""",
)

bus_up = _signals.signal(
    "realtime-bus-up",
    """This process follows the bus again.""",
)
