"""A request whose end can be read in two ways, by which one could be hidden in another: the real server refuses it."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import pytest

from tests.support.live import LiveServer

HIDDEN = "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def statuses(server: LiveServer, text: str) -> list[str]:
    """The statuses of all answers on one connection, until the server closes it."""
    address = urlsplit(server.base_url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), 10) as connection:
        connection.sendall(text.encode())
        answer = b""
        while received := connection.recv(65536):
            answer += received
    return re.findall(r"HTTP/1\.1 (\d{3}) ", answer.decode())


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length : 5\r\n",
        "Content-Length: +5\r\n",
    ],
    ids=["two", "and chunked", "neither", "space", "sign"],
)
def test_nothing_hides_in_a_request(live_server: LiveServer, lengths: str) -> None:
    request = f"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n{lengths}\r\n0\r\n\r\n{HIDDEN}"
    assert statuses(live_server, request) == ["400"]


def test_an_answer_to_what_was_hidden_would_be_seen(live_server: LiveServer) -> None:
    """Else the test above would prove nothing: two requests of a plain kind get two answers."""
    last = HIDDEN.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    assert statuses(live_server, HIDDEN + last) == ["200", "200"]
