"""Fixtures: one server that most tests share, and servers of a test's own."""
import io
import itertools

import pytest
from PIL import Image

import database
from program import OUTSIDER, PEOPLE, Server, photos

PHOTOS_EACH = 5
unique = itertools.count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if database.POSTGRES and item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip("about the SQLite file"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A running server; tests add to it, the same face too, and never depend on what others added."""
    server = Server(tmp_path_factory.mktemp("shared") / "data", "--duplicate-score", "1").start()
    yield server
    assert server.stop() == 0


@pytest.fixture
def api(shared):
    return shared.api


@pytest.fixture(scope="session")
def people(shared):
    """The five people of the sample set, enrolled: folder name -> student."""
    api = shared.api
    enrolled = {}
    for name in PEOPLE:
        enrolled[name] = api.student(f"S-{name}", name.replace("_", " ").title())
        job = api.finished(api.upload(enrolled[name]["id"], photos("train", name, PHOTOS_EACH))["id"])
        accepted = [p for p in job["photos"] if p["verdict"] == "accepted"]
        assert job["state"] == "done" and len(accepted) >= 3, job
    return enrolled


@pytest.fixture
def course(api, people):
    """A new course with everybody but the outsider on its roster; one sighting makes a mark."""
    return api.course(f"C-{next(unique)}", [s["id"] for n, s in people.items() if n != OUTSIDER], confirmations=1)


@pytest.fixture
def session(api, course):
    return api.session(course["id"])


@pytest.fixture
def name():
    """A word no other test has."""
    return f"u{next(unique)}"


@pytest.fixture
def serve(tmp_path):
    """serve(*options) starts a server on this test's data folder; what still runs at the end must stop cleanly."""
    started = []

    def start(*options, data="data"):
        started.append(Server(tmp_path / data, *options).start())
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            assert server.stop() == 0


@pytest.fixture(scope="session")
def blank():
    """A picture without a face."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(out, "JPEG")
    return out.getvalue()
