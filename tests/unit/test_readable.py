"""What waits for a socket under gevent without a time-out of the socket's own: each wait ends with data or when its
time is over, whatever the waits before it were.
"""

from __future__ import annotations

from realtime.concurrency import Threads
from tests.support.patched import played

_WAITS = """
from gevent import monkey
monkey.patch_all()
import time
import gevent
from gevent import socket
from realtime.concurrency import Greenlets

one, other = socket.socketpair()
readable = Greenlets().readable(one.fileno())


def waited(seconds, task=lambda: None, after=0.0):
    began = time.monotonic()
    acting = gevent.spawn_later(after, task)
    came = readable.wait(began + seconds)
    acting.join()
    took = time.monotonic() - began
    if came:
        one.recv(100)
    return came, took


def say():
    other.send(b"x")


print("there already:", say() or waited(20)[0])
print("it comes:", waited(20, say, 0.01)[0])
came, took = waited(0.05)
print("nothing comes:", came, 0.05 <= took < 5)
print("it comes after all:", waited(20, say, 0.01)[0])
came, took = waited(0.05)
print("a short wait after a long one:", came, 0.05 <= took < 5)
readable.wait(time.monotonic() + 0.01)
came, took = waited(0.2)
print("a long wait after a short one:", came, 0.2 <= took < 5)
print("no time at all:", waited(-1)[0])

waiting = gevent.spawn(readable.wait, time.monotonic() + 20)
gevent.sleep(0.01)
gevent.get_hub().loop.run_callback(waiting.switch, "somebody else")
gevent.sleep(0.01)
print("switched to by somebody else:", waiting.dead)
waiting.kill()
print("killed, and used again:", waited(20, say, 0.01)[0])
readable.close()
readable.close()
gevent.sleep(0.3)
"""


def test_each_wait_ends_with_data_or_when_its_own_time_is_over() -> None:
    run = played(_WAITS)
    assert run.stdout.splitlines() == [
        "there already: True",
        "it comes: True",
        "nothing comes: False True",
        "it comes after all: True",
        "a short wait after a long one: False True",
        "a long wait after a short one: False True",
        "no time at all: False",
        "switched to by somebody else: False",
        "killed, and used again: True",
    ], run.stderr[-2000:]
    assert run.stderr == ""


def test_threads_go_by_their_sockets_time_outs() -> None:
    assert Threads().readable(0) is None
