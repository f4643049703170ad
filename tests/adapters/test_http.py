"""``http.request``, live, against real servers (docs/adapters.md)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest

from aos_core import canon
from aos_core.adapters.call import Failure
from aos_core.adapters.http import require_one_reading
from aos_core.errors import StoreDamaged
from aos_core.kernel.records import Record
from aos_core.world import World
from tests.adapters.fixtures import (
    VALUE,
    real_server,  # noqa: F401
    without_proxies,  # noqa: F401
)
from tests.adapters.servers import LATIN_1, Server, closed_port, serving
from tests.adapters.worlds import KEY, LONG, SECRET, answer, get, granted, live, live_world

ENVIRON = {"DEMO_KEY": VALUE}
FOLLOW = "follow_redirects = true"


@pytest.fixture
def other() -> Iterator[Server]:
    with serving() as of:
        yield of


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with live_world(tmp_path / "world") as of:
        yield of


def error(record: Record) -> str:
    """The code of what went wrong; the payload has every field of the schema all the same."""
    payload = record["payload"]
    assert {"status", "headers", "body_ref", "timings", "adapter_id"} < set(payload)
    assert (payload["adapter_id"], payload["body_preview"]) == ("host.http", "")
    assert 0 < payload["timings"]["start_ns"] <= payload["timings"]["end_ns"]
    assert payload["body_ref"] is None and payload["error"]["message"]
    return str(payload["error"]["code"])


def body(world: World, record: Record) -> bytes:
    return world.blob(canon.parse_hash(record["payload"]["body_ref"]))


def test_the_answer_of_a_server_is_the_receipt(world: World, server: Server) -> None:
    before = time.time_ns()
    record = answer(world, f"{server.url}/ok")
    payload = record["payload"]
    assert (record["status"], record["adapter_id"], payload["status"]) == ("ok", "host.http", 200)
    assert payload["headers"]["x-kind"] == "plain"
    assert payload["headers"]["content-type"] == "application/json"
    assert body(world, record) == b'{"n":1}' and payload["body_preview"] == '{"n":1}'
    timings = payload["timings"]
    assert before <= timings["start_ns"] <= timings["end_ns"] <= time.time_ns()
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("GET", "/ok", b"")
    assert seen.headers["accept-encoding"] == "identity"


def test_a_status_of_failure_is_an_answer_too(world: World, server: Server) -> None:
    record = answer(world, f"{server.url}/status?code=500")
    assert (record["status"], record["payload"]["status"]) == ("ok", 500)


def test_no_body_is_null(world: World, server: Server) -> None:
    payload = answer(world, f"{server.url}/empty")["payload"]
    assert (payload["status"], payload["body_ref"], payload["body_preview"]) == (204, None, "")


def test_headers_and_a_stored_body_go_out(world: World, server: Server) -> None:
    ref = canon.hash_text(world.store.put(b"hello"))
    headers = {"x-mine": "1", "content-type": "text/plain"}
    record = answer(world, f"{server.url}/echo", method="post", headers=headers, body_ref=ref)
    (seen,) = server.seen
    assert (seen.method, seen.body) == ("POST", b"hello")
    assert (seen.headers["x-mine"], seen.headers["content-type"]) == ("1", "text/plain")
    assert json.loads(body(world, record))[1] == "hello"


def test_a_body_that_the_store_lacks_is_not_sent(world: World, server: Server) -> None:
    record = answer(world, f"{server.url}/echo", method="POST", body_ref="sha256:" + "1" * 64)
    assert (record["status"], error(record), server.seen) == ("error", "no_blob", [])


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding"])
def test_an_author_does_not_set_what_follows_from_url_and_body(
    name: str, world: World, server: Server
) -> None:
    record = answer(world, f"{server.url}/ok", headers={name: "elsewhere"})
    assert (error(record), server.seen) == ("bad_request", [])


def test_what_is_no_utf8_is_kept_as_it_is_and_shown_with_replacement(
    world: World, server: Server
) -> None:
    record = answer(world, f"{server.url}/latin1")
    assert body(world, record) == LATIN_1
    assert record["payload"]["body_preview"] == "na\ufffdve caf\ufffd"


def test_a_body_in_chunks_is_stored_whole(world: World, server: Server) -> None:
    record = answer(world, f"{server.url}/chunked?n=40")  # more than a draft holds in memory
    assert body(world, record) == b"y" * (40 * 0x10000)
    assert record["payload"]["body_preview"] == "y" * 256


@pytest.mark.parametrize(
    ("path", "fits"),
    [
        (f"bytes?n={2**20}", True),
        (f"bytes?n={2**20 + 1}", False),
        ("chunked?n=16", True),
        ("chunked?n=17", False),
        ("chunked?n=1000000", False),  # 60 GiB: it is broken off, not read to its end
    ],
)
def test_a_body_has_a_limit(path: str, fits: bool, tmp_path: Path, server: Server) -> None:
    with live_world(tmp_path / "world", http="max_body_mib = 1") as world:
        record = answer(world, f"{server.url}/{path}")
    if fits:
        assert record["status"] == "ok"
    else:
        assert (record["status"], error(record)) == ("error", "too_big")
        assert record["payload"]["status"] == 200


def test_the_store_keeps_nothing_of_a_body_that_is_too_big(tmp_path: Path, server: Server) -> None:
    with live_world(tmp_path / "world", http="max_body_mib = 1") as world:
        answer(world, f"{server.url}/chunked?n=17")
        with pytest.raises(StoreDamaged):
            world.blob(canon.sha256(b"y" * 0x110000))
    assert (tmp_path / "world/.aos/store.db").stat().st_size < 2**20
    assert {of.name for of in (tmp_path / "world/.aos").iterdir()} <= {
        "index", "index.db", "snapshots.db", "journal", "store.db", "store.db.lock", "cache",
        "world.lock",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["hang", "hang_in_body"])
def test_the_whole_exchange_has_a_time_out(path: str, tmp_path: Path, server: Server) -> None:
    with live_world(tmp_path / "world", http="timeout_s = 1") as world:
        record = answer(world, f"{server.url}/{path}")
    assert (record["status"], error(record)) == ("timeout", "timeout")
    assert server.gone.wait(10)  # the connection is closed, not left behind


@pytest.mark.parametrize(
    ("path", "code"), [("cut", "broken_off"), ("reset", "broken_off"), ("rubbish", "broken_off")]
)
def test_a_connection_that_breaks_off_is_an_error(
    path: str, code: str, world: World, server: Server
) -> None:
    record = answer(world, f"{server.url}/{path}")
    assert (record["status"], error(record)) == ("error", code)


def test_nobody_there_is_an_error(world: World) -> None:
    record = answer(world, f"http://127.0.0.1:{closed_port()}/")
    assert (record["status"], error(record)) == ("error", "no_connection")
    assert record["payload"]["status"] == 0


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "http://127.0.0.1:99999/", "nothing", "http://ⓔ.com/"]
)
def test_a_url_that_is_none_is_an_error(url: str, tmp_path: Path) -> None:
    """The kernel refuses most of them; under a cap without rules they come through."""
    with live_world(
        tmp_path / "world", grant={"name": "web", "cap": "demo/open@1", "params": {}}
    ) as world:
        record = answer(world, url)
    assert error(record) == "bad_url"


@pytest.mark.parametrize(
    ("kernel", "client", "same"),
    [
        ("http://a.example/x", "http://a.example/y", True),
        ("HTTPS://A.example", "https://a.example:443/", True),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/", True),
        ("http://bücher.example/", "http://bücher.example/", True),
        ("http://user@a.example/", "http://other@a.example/", True),
        ("http://a.example@b.example/", "http://a.example/", False),
        ("http://a.example:81/", "http://a.example/", False),
        ("http://a.example/", "https://a.example/", False),
    ],
)
def test_a_url_that_can_be_read_in_two_ways_is_refused(
    kernel: str, client: str, same: bool
) -> None:
    with nullcontext() if same else pytest.raises(Failure, match="two ways"):
        require_one_reading(kernel, httpx.URL(client))


# -- redirects --------------------------------------------------------------------------------


def test_a_redirect_is_the_answer_unless_it_is_asked_to_be_followed(
    world: World, server: Server, other: Server
) -> None:
    payload = answer(world, f"{server.url}/redirect?to={other.url}/ok")["payload"]
    assert (payload["status"], payload["headers"]["location"]) == (302, f"{other.url}/ok")
    assert payload["body_preview"] == "go on"
    assert other.seen == []


@pytest.mark.parametrize(
    ("code", "method", "sent"), [(302, "GET", b""), (303, "GET", b""), (307, "POST", b"hello")]
)
def test_a_redirect_is_followed_as_its_status_says(
    code: int, method: str, sent: bytes, tmp_path: Path, server: Server
) -> None:
    with live_world(tmp_path / "world", http=FOLLOW) as world:
        ref = canon.hash_text(world.store.put(b"hello"))
        url = f"{server.url}/redirect?code={code}&to=/ok"
        record = answer(world, url, method="POST", body_ref=ref, headers={"x-mine": "1"})
    assert (record["payload"]["status"], record["payload"]["headers"]["x-kind"]) == (200, "plain")
    first, second = server.seen
    assert (first.method, first.body) == ("POST", b"hello")
    assert (second.method, second.path, second.body) == (method, "/ok", sent)
    assert second.headers["x-mine"] == "1"  # the same origin


def test_every_hop_must_be_allowed_by_the_capability(
    tmp_path: Path, server: Server, other: Server
) -> None:
    with live_world(tmp_path / "world", http=FOLLOW, grant=granted(server)) as world:
        record = answer(world, f"{server.url}/redirect?to={other.url}/ok")
    assert (record["status"], error(record)) == ("error", "redirect_denied")
    assert "port_not_allowed" in record["payload"]["error"]["message"]
    assert record["payload"]["status"] == 302
    assert other.seen == []


def test_a_method_that_a_redirect_changes_must_be_allowed_too(
    tmp_path: Path, server: Server
) -> None:
    grant = granted(server, methods=["POST"])
    with live_world(tmp_path / "world", http=FOLLOW, grant=grant) as world:
        record = answer(world, f"{server.url}/redirect?code=303&to=/ok", method="POST")
    assert error(record) == "redirect_denied"
    assert "method_not_allowed" in record["payload"]["error"]["message"]
    assert len(server.seen) == 1


@pytest.mark.parametrize("padding", [0, LONG])
def test_an_enforcer_of_the_world_judges_every_hop(
    padding: int, tmp_path: Path, server: Server
) -> None:
    grant = {"name": "web", "cap": "demo/guarded@1", "params": {}}
    with live_world(tmp_path / "world", http=FOLLOW, grant=grant) as world:
        url = f"{server.url}/redirect?to=/ok%3F{'x' * padding}&pad={'y' * LONG}"
        record = answer(world, url)
    if padding:
        assert (record["status"], len(server.seen)) == ("ok", 2)
    else:
        assert (error(record), len(server.seen)) == ("redirect_denied", 1)
        assert "too_short" in record["payload"]["error"]["message"]


def test_another_origin_is_told_nothing_about_the_sender(
    tmp_path: Path, server: Server, other: Server
) -> None:
    headers = {
        "authorization": KEY, "x-api-key": KEY, "user-agent": KEY, "cookie": "a=1",
        "x-mine": "1", "accept": "text/plain",
    }  # fmt: skip
    with live_world(tmp_path / "world", http=FOLLOW) as world:
        back = f"{other.url}/redirect?to={server.url}/ok"
        answer(world, f"{server.url}/redirect?to={back}", ENVIRON, headers=headers)
    first, last = server.seen
    (between,) = other.seen
    assert (first.headers["authorization"], first.headers["x-api-key"]) == (VALUE, VALUE)
    assert first.headers["cookie"] == "a=1"
    for seen in (between, last):
        assert set(seen.headers) <= {"host", "accept", "accept-encoding", "connection"}
        assert seen.headers["accept"] == "text/plain"
    assert between.headers["host"] == f"127.0.0.1:{other.port}"


def test_redirects_end(tmp_path: Path, server: Server) -> None:
    with live_world(tmp_path / "world", http=FOLLOW) as world:
        assert error(answer(world, f"{server.url}/loop")) == "too_many_redirects"
    assert len(server.seen) == 11


# -- secrets ----------------------------------------------------------------------------------


def leaks(root: Path, value: str = VALUE) -> list[str]:
    """The files of a world that hold a value."""
    files = [path for path in root.rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" for path in files)
    return [path.name for path in files if value.encode() in path.read_bytes()]


def test_a_secret_is_sent_and_nowhere_kept(tmp_path: Path, server: Server) -> None:
    with live_world(tmp_path / "world") as world:
        record = answer(world, f"{server.url}/ok", ENVIRON, headers={"authorization": KEY})
        assert record["status"] == "ok"
    assert server.seen[0].headers["authorization"] == VALUE
    assert leaks(tmp_path) == []


@pytest.mark.parametrize("path", ["echo", "split"])
def test_a_body_that_holds_a_secret_is_dropped(path: str, tmp_path: Path, server: Server) -> None:
    with live_world(tmp_path / "world") as world:
        record = answer(world, f"{server.url}/{path}", ENVIRON, headers={"authorization": KEY})
    assert (record["status"], error(record)) == ("error", "secret_in_answer")
    assert leaks(tmp_path) == []


def test_a_header_that_holds_a_secret_is_veiled(tmp_path: Path, server: Server) -> None:
    headers = {"authorization": KEY}
    with live_world(tmp_path / "world") as world:
        record = answer(world, f"{server.url}/echo_in_header", ENVIRON, headers=headers)
    assert (record["status"], record["payload"]["headers"]["x-echo"]) == ("ok", "***")
    assert leaks(tmp_path) == []


def test_a_secret_that_cannot_be_sent_is_not_quoted(tmp_path: Path, server: Server) -> None:
    """A line end, as an editor leaves it in a file of secrets."""
    with live_world(tmp_path / "world") as world:
        environ = {"DEMO_KEY": f"{VALUE}\n"}
        record = answer(world, f"{server.url}/ok", environ, headers={"authorization": KEY})
    assert error(record) == "bad_request"
    assert server.seen == [] and leaks(tmp_path) == []


def test_a_secret_that_is_not_set_sends_nothing(world: World, server: Server) -> None:
    get(world, f"{server.url}/ok")
    get(world, f"{server.url}/ok?2", headers={"authorization": KEY})
    before = world.height
    with pytest.raises(Exception, match="DEMO_KEY") as caught:
        live(world)
    assert getattr(caught.value, "code", None) == "secret_missing"
    assert (server.seen, world.height, len(world.pending)) == ([], before, 2)
    assert SECRET["binding_id"] == "env:DEMO_KEY"
