"""Bodies of requests: JSON objects, declared as such, of a bounded size. This file may not know what is in them."""

from __future__ import annotations

import json
from typing import Any, Final

from flask import request

from ..errors import InvalidValue, MalformedRequest, MessageTooLarge, UnsupportedMediaType, over
from ..wire.depth import MAX_DEPTH, is_too_deep

_ESCAPED: Final = 3
"""JSON may come with every character escaped (``\\u00e9``), up to this many times its size as UTF-8."""
_ENVELOPE: Final = 4096


def most_for(max_message_bytes: int) -> int:
    """The most bytes that a body with one message may have."""
    return max_message_bytes * _ESCAPED + _ENVELOPE


def json_object(*, most: int, wanted: str, depth: int = MAX_DEPTH) -> dict[str, Any]:
    """The request's JSON object.

    Args:
        most: it has fewer bytes than this.
        wanted: what the body is, for who sent something else.
        depth: how deep its arrays and objects may be nested.

    Raises:
        UnsupportedMediaType: it is not declared as JSON; requiring that keeps other sites' plain forms out.
        MessageTooLarge: it has ``most`` bytes or more.
        MalformedRequest: it is not JSON, or nested too deeply.
        InvalidValue: it is JSON but no object.
    """
    if not request.is_json:
        raise UnsupportedMediaType("send Content-Type: application/json")
    request.max_content_length = most
    text = request.get_data(cache=False)
    if len(text) >= most:
        # A body in chunks has no length to refuse beforehand: it is cut off at the limit, without an error.
        raise MessageTooLarge(f"the body has {most} bytes or more")
    # Brackets and quotes are the same bytes in every encoding that JSON comes in here.
    if is_too_deep(text.decode("latin-1"), depth):
        raise over("json_depth", MalformedRequest(f"the body's arrays and objects are nested more than {depth} deep"))
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise MalformedRequest(f"the body is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise InvalidValue(wanted)
    return body
