"""Addresses: what counts as one of them. It asks nobody's name server."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network


def network(address: str) -> str:
    """What one subscriber has: an address, of IPv6 a network of 64 bits (RFC 6177). What is no address stays itself."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or ip_network((int(known), 64), strict=False))
    return address
