"""JSON Web Tokens (RFC 7519) of other backends: what one may publish, and for how long.

The algorithm follows from the kind of key, never from the token. PyJWT is imported only where keys were configured. No
error repeats a token. This file knows no framework.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from .credentials import JwtKey, room_patterns
from .errors import ConfigError, Unauthorized

_LONGEST: Final = 8192
_MOST_ROOMS: Final = 100
_SMALLEST_RSA: Final = 2048


class Claims(NamedTuple):
    """What a token says: whose it is, where it says so, and the rooms."""

    subject: str | None
    rooms: tuple[str, ...]


class Tokens:
    """Reads the tokens that were signed with one of several keys.

    Args:
        keys: the keys; several while they are being changed.
        audience: what ``aud`` must name; ``None`` where tokens have none.

    Raises:
        ConfigError: PyJWT is missing, or a key is not one that it can use.
    """

    def __init__(self, keys: Sequence[JwtKey], *, audience: str | None) -> None:
        try:
            import jwt  # noqa: PLC0415  an optional library
        except ImportError:
            raise ConfigError("REALTIME_API_JWT_KEYS needs PyJWT: pip install 'realtime[jwt]'") from None
        self._jwt = jwt
        self._audience = audience
        self._keys = [(_public(key.text) if key.is_public else (key.text, "HS256")) for key in keys]

    def read(self, text: str) -> Claims:
        """What a token says.

        Raises:
            Unauthorized: it is not signed with one of the keys, is over, or does not say what it has to.
        """
        errors = self._jwt.exceptions
        if len(text) > _LONGEST:
            raise Unauthorized("the token is not valid")
        for key, algorithm in self._keys:
            try:
                claims = self._jwt.decode(
                    text,
                    key,
                    algorithms=[algorithm],
                    audience=self._audience,
                    options={"require": ["exp", "rooms", *(["aud"] if self._audience else [])]},
                )
            except (errors.InvalidSignatureError, errors.InvalidAlgorithmError):
                continue  # Another key's.
            except errors.ExpiredSignatureError:
                raise Unauthorized("the token has expired") from None
            except errors.MissingRequiredClaimError as exc:
                raise Unauthorized(f"the token has no {exc.claim}") from None
            except errors.InvalidAudienceError:
                raise Unauthorized("the token is for another audience") from None
            except (errors.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
                break
            return self._claims(claims)
        raise Unauthorized("the token is not valid")

    def _claims(self, claims: dict[str, Any]) -> Claims:
        subject = claims.get("sub")
        try:
            rooms = room_patterns(claims["rooms"])
        except ValueError:
            rooms = ()
        if not 1 <= len(rooms) <= _MOST_ROOMS:
            raise Unauthorized(f"the token's rooms are not a list of 1 to {_MOST_ROOMS} room names (* allowed)")
        return Claims(subject if isinstance(subject, str) and subject else None, rooms)


def _public(text: str) -> tuple[Any, str]:
    wrong = "REALTIME_API_JWT_KEYS has a public key that is none; allowed are RSA of 2048 bits or more, and EC P-256"
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  an optional library
        from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415
    except ImportError:
        raise ConfigError("public keys in REALTIME_API_JWT_KEYS need: pip install 'realtime[jwt]'") from None
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(wrong) from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA:
        return key, "RS256"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key, "ES256"
    raise ConfigError(wrong)
