"""How a browser is shown to the person who is signed in with it: its name and system, and the network it came from."""

from __future__ import annotations

import ipaddress

IPV6_NETWORK_BITS = 64
"""What a provider gives one household or office; the rest changes from day to day (RFC 8981)."""

# The first that a User-Agent holds: most browsers name those they descend from as well.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("Trident/", "Internet Explorer"),
    ("curl/", "curl"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def device(user_agent: str) -> str:
    """`Firefox on Windows`: as far as the browser says what it is; `Unknown browser` when it does not."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser or 'Unknown browser'} on {system}" if system else browser or "Unknown browser"


def plain_address(address: str) -> str:
    """An IP address in its shortest form, an IPv4 address in IPv6 clothing as IPv4; what is none as no address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)


def network(address: str) -> str:
    """The address as it is shown: all of an IPv4 address, and of an IPv6 address the network, `2001:db8:0:7::/64`."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((int(found), IPV6_NETWORK_BITS), strict=False))
