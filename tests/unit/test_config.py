"""Settings: where values come from, and how a bad one is refused at start."""

from __future__ import annotations

from dataclasses import fields

import pytest

from realtime.config import Settings
from realtime.errors import ConfigError
from realtime.values import normal_origin


def test_the_flask_config_wins_over_the_environment_and_that_over_the_default() -> None:
    environ = {"REALTIME_HISTORY_LENGTH": "7", "REALTIME_NAMESPACE": "env"}
    settings = Settings.load({"REALTIME_NAMESPACE": "app"}, environ)
    assert (settings.namespace, settings.history_length, settings.heartbeat) == ("app", 7, 15)


def test_the_bus_is_memory_unless_a_redis_is_named() -> None:
    assert Settings.load({}, {}).bus_url == "memory://"
    assert Settings.load({}, {"REDIS_URL": "redis://a"}).bus_url == "redis://a"
    assert Settings.load({}, {"REDIS_URL": "redis://a", "REALTIME_BUS_URL": "redis://b"}).bus_url == "redis://b"


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("REALTIME_HISTORY_LENGTH", "many", "a whole number from 1 to 100000"),
        ("REALTIME_HISTORY_LENGTH", 0, "a whole number from 1 to 100000"),
        ("REALTIME_HISTORY_LENGTH", True, "a whole number"),
        ("REALTIME_HEARTBEAT", "nan", "a number from"),
        ("REALTIME_HEARTBEAT", 0, "a number from"),
        ("REALTIME_EVENT_IDS", "maybe", "true or false"),
        ("REALTIME_BUS_URL", "http://x", "memory://, redis://"),
        ("REALTIME_BUS_URL", 5, "memory://, redis://"),
        ("REALTIME_NAMESPACE", "a{b}", "ASCII letters"),
        ("REALTIME_ALLOWED_ORIGINS", "*", "origins such as"),
        ("REALTIME_ALLOWED_ORIGINS", "example.com", "origins such as"),
        ("REALTIME_ALLOWED_ORIGINS", 5, "origins such as"),
        ("REALTIME_MAX_MESSAGE_BYTES", 10**12, "a whole number from"),
    ],
)
def test_a_bad_value_names_the_key_what_was_read_and_what_is_allowed(key: str, value: object, allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load({key: value}, {})
    assert key in caught.value.message and repr(value) in caught.value.message and allowed in caught.value.message


def test_a_password_is_never_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load({"REALTIME_BUS_URL": "rediss+x://user:hunter2@host"}, {})
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:1/2", "rediss://u:p@h?ssl_ca_certs=/x", "unix:///s?db=1", "redis+sentinel://a:1,b/name",
        "rediss+sentinel://u:p@a,[::1]:5/name/3?sentinel_password=x", "redis+cluster://a:1,b:2", "rediss+cluster://a/0",
    ],
)  # fmt: skip
def test_a_bus_may_be_one_redis_or_several(url: str) -> None:
    assert Settings.load({"REALTIME_BUS_URL": url}, {}).bus_url == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:port", "redis://h/db", "redis+sentinel://a:1,b:2", "redis+sentinel://a:x/name", "redis+sentinel:///name",
        "redis+sentinel://a,/name", "redis+sentinel://a/name/x", "redis+cluster://a/1", "redis+cluster://", "redis+x://a",
        "unix+sentinel://a/name", "redis+sentinel:a/name",
    ],
)  # fmt: skip
def test_an_address_that_leads_nowhere_is_refused_at_start_without_its_password(url: str) -> None:
    secret = url.replace("//", "//u:hunter2@") + "?sentinel_password=hunter3"
    with pytest.raises(ConfigError, match=r"redis\+sentinel://host:port,host:port/name-of-the-primary") as caught:
        Settings.load({"REALTIME_BUS_URL": secret}, {})
    assert "hunter" not in caught.value.message


def test_memory_has_no_replicas_to_wait_for() -> None:
    with pytest.raises(ConfigError, match="REALTIME_DURABLE is 2, but memory:// has no replicas; allowed is 0"):
        Settings.load({"REALTIME_DURABLE": "2"}, {})
    assert Settings.load({"REALTIME_DURABLE": 1, "REALTIME_BUS_URL": "redis://a"}, {}).durable == 1


@pytest.mark.parametrize("word", ["1", "true", "YES", "on"])
def test_flags_are_words_in_the_environment(word: str) -> None:
    assert Settings.load({}, {"REALTIME_EVENT_IDS": word}).event_ids is True
    assert Settings.load({"REALTIME_EVENT_IDS": False}, {"REALTIME_EVENT_IDS": word}).event_ids is False


def test_origins_are_compared_in_one_form() -> None:
    settings = Settings.load({}, {"REALTIME_ALLOWED_ORIGINS": "https://Example.com:443, http://a.b:8080/"})
    assert settings.allowed_origins == {"https://example.com", "http://a.b:8080"}
    assert Settings.load({"REALTIME_ALLOWED_ORIGINS": ["http://x:80"]}, {}).allowed_origins == {"http://x"}
    assert normal_origin("http://[::1]:5000") == "http://[::1]:5000"


@pytest.mark.parametrize(
    "text", ["null", "", "http://", "http://a/b", "http://a?x", "http://u:p@a", "http://a:b", "//a"]
)
def test_what_is_not_an_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the caller turns it into its own error
        normal_origin(text)


def test_every_setting_has_its_default_within_what_is_allowed() -> None:
    for one in fields(Settings):
        if one.name != "allowed_origins":
            assert one.metadata["read"](one.default) == one.default
