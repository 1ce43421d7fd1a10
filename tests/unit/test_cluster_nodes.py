"""Which nodes of a cluster are asked where the primary is, as they come and go."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest
from redis.crc import key_slot

from realtime.bus.locate import ClusterPrimary


class _Node(socketserver.StreamRequestHandler):
    """Answers as a node of a cluster does, and says of the slots what its server says."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Nodes)
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size + 2)[:-2].upper())
            if words == [b"CLUSTER", b"INFO"]:
                self.wfile.write(b"$16\r\ncluster_state:ok\r\n")
            elif words == [b"CLUSTER", b"SLOTS"]:
                self.wfile.write(server.slots)
            else:
                self.wfile.write(b"+OK\r\n")


class _Nodes(socketserver.ThreadingTCPServer):
    daemon_threads = True
    slots = b""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


def _slots(low: int, high: int, port: int) -> bytes:
    return b"*1\r\n*3\r\n:%d\r\n:%d\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n" % (low, high, port)


@pytest.fixture
def nodes() -> Iterator[list[_Nodes]]:
    made = [_Nodes(("127.0.0.1", 0), _Node) for _ in range(3)]
    threads = [threading.Thread(target=one.serve_forever, args=(0.05,)) for one in made]
    for thread in threads:
        thread.start()
    yield made
    for one in made:
        one.shutdown()
        one.server_close()
    for thread in threads:
        thread.join()


def test_a_node_that_no_other_names_any_more_is_asked_until_the_slot_is_found(nodes: list[_Nodes]) -> None:
    seed, second, gone = nodes
    slot = key_slot(b"realtime")
    primary = ClusterPrimary("realtime", [("127.0.0.1", seed.port)], {})
    # Another one is asked first each time.
    for _ in range(4):
        for one in nodes:
            one.slots = _slots(slot, slot, gone.port)
        assert primary.find() == ("127.0.0.1", gone.port)
        # Whoever else is asked now names neither it nor the slot; it alone says where that is.
        seed.slots = second.slots = _slots(slot + 1, slot + 1, second.port)
        gone.slots = _slots(slot, slot, second.port)
        assert primary.find() == ("127.0.0.1", second.port)
    primary.close()
