"""Servers for the tests of http/: as many as a test starts, each ended and checked after it."""

import pytest

from http_program import Server


@pytest.fixture
def start(tmp_path):
    servers = []

    def starter(**settings):
        servers.append(Server(tmp_path / f"server{len(servers)}.log", **settings))
        return servers[-1]

    yield starter
    for s in servers:
        if s.process.poll() is None:
            s.close()


@pytest.fixture
def server(start):
    return start()
