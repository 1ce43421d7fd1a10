"""Long polling without holes: a browser repeats a poll whose connection was reset and gets what it carried."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.engine import SECONDS, Polling
from tests.support.raw import RawRequest


def connected(base: str) -> Polling:
    """A session in the default namespace."""
    session = Polling(base)
    session.connect()
    return session


def test_the_same_poll_again_gets_the_same_payload_again(slow: str) -> None:
    session = connected(slow)
    session.post('42["message",1]')
    first = session.get(t="a1")
    session.post('42["message",2]')
    assert first.text == '42["message-back",1]'
    for _ in range(3):
        assert session.get(t="a1").content == first.content
    assert session.get(t="a2").text == '42["message-back",2]'


def test_what_a_dead_response_carried_comes_again(slow: str) -> None:
    session = connected(slow)
    target = session.url(t="b1").removeprefix(slow)
    with RawRequest(slow, target):
        time.sleep(0.1)
    # The server has written it to nobody.
    assert session.post('42["message","precious"]').text == "ok"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(session.get, t="b1").result(SECONDS).text == '42["message-back","precious"]'
    session.post('42["message","next"]')
    assert session.get(t="b2").text == '42["message-back","next"]'


def test_a_repeated_poll_waits_together_with_the_first(slow: str) -> None:
    session = connected(slow)
    with ThreadPoolExecutor(2) as pool:
        polls = [pool.submit(session.get, t="c1") for _ in range(2)]
        time.sleep(0.2)
        assert not any(one.done() for one in polls)
        session.post('42["message",1]')
        assert [one.result(SECONDS).text for one in polls] == ['42["message-back",1]'] * 2


def test_the_copy_goes_with_the_next_poll(slow: str) -> None:
    session = connected(slow)
    session.post('42["message",1]')
    session.get(t="d1")
    session.post('42["message",2]')
    session.get(t="d2")
    session.post('42["message",3]')
    # Long ago: it is a poll like any other.
    assert session.get(t="d1").text == '42["message-back",3]'


def test_polls_without_a_stamp_are_never_the_same(slow: str) -> None:
    session = connected(slow)
    for number in range(2):
        session.post(f'42["message",{number}]')
        assert session.get().text == f'42["message-back",{number}]'


def test_only_so_many_repetitions_may_wait(slow: str) -> None:
    session = connected(slow)
    with ThreadPoolExecutor(6) as pool:
        polls = [pool.submit(session.get, t="e1") for _ in range(6)]
        answers = [one.result(SECONDS) for one in polls]
    assert sorted(one.status_code for one in answers) == [200] * 5 + [400]
    assert session.get(t="e2").status_code == 400


def test_a_large_backlog_comes_in_several_polls_so_that_the_copy_is_bounded(slow: str) -> None:
    session = connected(slow)
    data = "x" * 300_000
    for _ in range(5):
        assert session.post(f'42["message","{data}"]').text == "ok"
    time.sleep(0.3)
    first = session.get(t="f1")
    assert len(first.content) < 1_600_000
    assert session.get(t="f1").content == first.content
    rest, number = first.text.count("message-back"), 2
    while rest < 5:
        answer = session.get(t=f"f{number}")
        assert answer.status_code == 200
        rest, number = rest + answer.text.count("message-back"), number + 1
    assert rest == 5


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_it_is_the_same_whatever_its_encoding(slow: str, encoding: str) -> None:
    session = connected(slow)
    session.post('42["message","' + "y" * 5000 + '"]')
    texts = {
        requests.get(session.url(t="g1"), headers={"Accept-Encoding": one}, timeout=SECONDS).text
        for one in (encoding, "identity")
    }
    assert len(texts) == 1


def test_the_same_post_again_is_not_handled_twice(slow: str) -> None:
    session = connected(slow)
    for body, stamp in (("1", "h1"), ("1", "h1"), ("2", "h1"), ("2", "h2"), ("2", None), ("2", None)):
        assert session.post(f'42["message",{body}]', t=stamp).text == "ok"
    got: list[str] = []
    while len(got) < 5:
        got += session.poll()
    assert sorted(got) == ['42["message-back",1]'] + ['42["message-back",2]'] * 4
