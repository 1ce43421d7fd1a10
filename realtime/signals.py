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
    "message-published",
    """A message was accepted: it is in the log. Sent in the process that published it, once, with an application
    context, after the fact: ``message`` (with its id), and ``source``, ``sid`` and ``identity`` as in ``Publication``.
    A repeated key sends nothing. What a receiver raises is logged and changes nothing for the publisher.""",
)
