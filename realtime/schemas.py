"""Types of events: JSON is checked against a type, and the type is described as JSON Schema.

msgspec does the work, or pydantic for its own models; both are optional and imported when the first type is declared.
This file knows neither rooms nor messages.
"""

from __future__ import annotations

import json
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Any

from .errors import ConfigError, InvalidValue
from .names import shortened

Json = dict[str, Any]

_AT = re.compile(r"(?s)(.*) - at (`key` in )?`(\$.*)`")
_PLAIN = re.compile(r"\w{1,60}")
_INSTALL = "install one of them: pip install 'realtime[schemas]' brings msgspec"


class Checker(ABC):
    """A type that data can be checked against."""

    kind: Any
    """The type as it was declared."""

    @abstractmethod
    def check(self, text: str) -> None:
        """Return when the JSON text is a value of the type.

        Raises:
            InvalidValue: with ``path``, a JSONPath of what is wrong: ``$.user.name``, ``$.tags[1]``, ``$`` for the
                whole value; ``[...]`` stands for a key of a mapping.
        """

    @abstractmethod
    def plain(self, value: Any) -> Any:
        """An instance of the type as plain JSON values; everything else as it is."""

    @abstractmethod
    def described(self, prefix: str) -> tuple[Json, Json]:
        """The type as JSON Schema (2020-12), and the components that it refers to by ``prefix`` and their name."""


class MsgspecChecker(Checker):
    """Everything that msgspec supports: Structs, dataclasses, TypedDicts, and types of typing.

    Raises:
        TypeError: the type is not one of those.
    """

    def __init__(self, kind: Any) -> None:
        import msgspec  # noqa: PLC0415  optional

        self._msgspec = msgspec
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)
        # Types that it would only compare by isinstance cannot come out of JSON; they have no schema either.
        msgspec.json.schema_components([kind])

    def check(self, text: str) -> None:
        try:
            self._decoder.decode(text)
        except self._msgspec.DecodeError as exc:
            found = _AT.fullmatch(str(exc))
            what, path = (found[1], found[3]) if found else (str(exc), "$")
            raise InvalidValue(_said(f"{what}{' as a key' if found and found[2] else ''}", path), path=path) from None
        except RecursionError:
            raise InvalidValue(_said("nested too deeply", "$"), path="$") from None

    def plain(self, value: Any) -> Any:
        ours = hasattr(value, "__struct_fields__") or is_dataclass(value)
        return self._msgspec.to_builtins(value) if ours else value

    def described(self, prefix: str) -> tuple[Json, Json]:
        (schema,), parts = self._msgspec.json.schema_components([self.kind], ref_template=f"{prefix}{{name}}")
        return schema, parts


class PydanticChecker(Checker):
    """Everything that pydantic supports; by its rules for JSON, which are laxer than msgspec's unless a model says so.

    Raises:
        TypeError: the type is not one of those.
    """

    def __init__(self, kind: Any) -> None:
        import pydantic  # noqa: PLC0415  optional

        self._pydantic = pydantic
        self.kind = kind
        try:
            self._adapter: Any = pydantic.TypeAdapter(kind)
            self._adapter.json_schema()
        except pydantic.errors.PydanticUserError as exc:
            raise TypeError(str(exc).partition("\n")[0]) from exc

    def check(self, text: str) -> None:
        try:
            self._adapter.validate_json(text)
        except self._pydantic.ValidationError as exc:
            first, *others = exc.errors(include_url=False, include_context=False, include_input=False)
            path = "$" if first["type"] == "json_invalid" else _path(json.loads(text), first)
            more = f" (and {len(others)} more)" if others else ""
            raise InvalidValue(_said(first["msg"], path) + more, path=path) from None

    def plain(self, value: Any) -> Any:
        if not hasattr(value, "__pydantic_serializer__"):
            return value
        return value.__pydantic_serializer__.to_python(value, mode="json")

    def described(self, prefix: str) -> tuple[Json, Json]:
        schema = self._adapter.json_schema(ref_template=f"{prefix}{{model}}")
        return schema, schema.pop("$defs", {})


def checker(kind: Any) -> Checker:
    """What checks values of ``kind``.

    Raises:
        ConfigError: it is not a type that JSON can be checked against, or the library for it is not installed.
    """
    kinds: list[Callable[[Any], Checker]] = [MsgspecChecker, PydanticChecker]
    if hasattr(kind, "__pydantic_validator__"):
        kinds.remove(MsgspecChecker)
    reasons: list[str] = []
    for one in kinds:
        if one is PydanticChecker and reasons and "pydantic" not in sys.modules:
            # Whoever never imported it has declared no type that only it knows.
            continue
        try:
            return one(kind)
        except ImportError as exc:
            reasons.append(f"{exc.name} is not installed")
        except (TypeError, NameError) as exc:
            reasons.append(" ".join(str(exc).split()))
    why = "; ".join(reasons)
    if "msgspec is not installed" in reasons:
        why += f"; a schema needs msgspec or pydantic, {_INSTALL}"
    raise ConfigError(f"{shortened(kind)} is no type that an event's data can be checked against: {why}")


def _said(what: str, path: str) -> str:
    # What is quoted of the data may be long.
    what = what if len(what) <= 300 else f"{what[:299]}…"
    return f"the data is not what this event carries: {what} at {path}"


def _path(value: Any, error: Mapping[str, Any]) -> str:
    """Where an error of pydantic's is in the data. Its location also names branches of unions, which are left out."""
    path = "$"
    for number, part in enumerate(error["loc"], 1):
        if isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
            path += f"[{part}]"
        elif isinstance(value, dict):
            missing = error["type"] == "missing" and number == len(error["loc"])
            if str(part) in value or missing:
                value = value.get(str(part))
                path += f".{part}" if _PLAIN.fullmatch(str(part)) else f"[{shortened(str(part))}]"
    return path
