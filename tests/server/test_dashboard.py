"""The dashboard: what it shows, in a real browser too, and that only its own page can press its buttons."""

from __future__ import annotations

import html
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from fakelivy import FakeLivy, ManualClock
from fakelivy.journal import HandlerError
from tests import browser
from tests.server.toy import Client, ToyEngine, fabric_base

PNG = b"\x89PNG\r\n\x1a\n"
ARM = "/_fake/dashboard/arm"
CLEAR = "/_fake/dashboard/clear"
FAULT = "get_statement:before:delay(0.0)@every(2)"


@pytest.fixture
def eventful(server: FakeLivy, livy: Client, clock: ManualClock) -> FakeLivy:
    """A server with a session, an ended and a running statement, and a fault that struck once."""
    session = livy.session()
    clock.advance(5)
    server.arm(FAULT)
    ended = livy.submit(session, "select '<script>alert(1)</script>'")
    livy.get(ended)
    livy.get(ended)
    clock.advance(5)
    livy.submit(session, "never")
    clock.advance(10)
    fabric = Client(fabric_base(server), "wrong")
    assert fabric.get("/sessions").status_code == 401
    fabric.http.close()
    return server


def token(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found
    return found[1]


def rectangles(page: str, kind: str) -> list[tuple[float, float]]:
    """Place and width of what is drawn of a kind."""
    found = re.findall(rf'<rect class="{kind}" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', page)
    return [(float(x), float(width)) for x, width in found]


def test_it_shows_sessions_statements_faults_and_the_journal(eventful: FakeLivy, livy: Client) -> None:
    page = livy.get("/_fake/").text
    assert 'data-session="0"' in page
    # Twenty seconds are a thousand units: idle for the first ten, but for the moment of the first statement.
    assert rectangles(page, "s-idle")[0] == pytest.approx((0, 250), abs=1)
    assert rectangles(page, "s-busy")[-1] == pytest.approx((500, 500), abs=1)
    assert rectangles(page, "t-running")[-1] == pytest.approx((500, 500), abs=1)
    assert rectangles(page, "armed")[0] == pytest.approx((250, 750), abs=1)
    assert len(rectangles(page, "strike")) == 1
    assert "struck get_statement" in page
    assert f"<code>{FAULT}</code></td><td>2</td><td>1</td>" in page
    assert '<tr class="alarming">' in page
    assert "TokenRefused" in page
    assert len(rectangles(page, "rate")) == 60
    assert "<script>alert" not in page
    assert html.escape("'<script>alert(1)", quote=False)[:12] in page.replace("&#39;", "'")
    assert eventful.journal.events(HandlerError) == []


def test_repls_are_below_their_session_and_the_time_below_all(
    server: FakeLivy, fabric: Client, clock: ManualClock
) -> None:
    shared = [fabric.post("/highConcurrencySessions", {"sessionTag": "t"}).json()["id"] for _ in range(2)]
    alone = fabric.post("/sessions", {}).json()["id"]
    (session,) = {fabric.get(f"/highConcurrencySessions/{each}").json()["sessionId"] for each in shared}
    for each in shared:
        repl = fabric.get(f"/highConcurrencySessions/{each}").json()["replId"]
        fabric.post(f"/highConcurrencySessions/{session}/repls/{repl}/statements", {"code": "select 1", "kind": "sql"})
    clock.advance(40)
    page = requests.get(f"{server.url}/_fake/", timeout=20).text
    lanes = re.findall(r'data-session="([^"]+)"', page)
    assert [lane.partition("/")[0] for lane in lanes] == [session] * 3 + [alone]
    ticks = re.findall(r"<span>(\d\d):(\d\d):(\d\d)</span>", page)
    seconds = [int(hour) * 3600 + int(minute) * 60 + int(second) for hour, minute, second in ticks]
    assert [each - seconds[0] for each in seconds] == [0, 10, 20, 30, 40]


def test_looking_at_it_leaves_no_trace_in_the_journal(eventful: FakeLivy, livy: Client) -> None:
    size = eventful.journal.size
    for path in ("/_fake/", "/_fake/dashboard/live", "/_fake/dashboard.css", "/_fake/dashboard.js"):
        assert livy.get(path).status_code == 200
    assert eventful.journal.size == size


def test_an_empty_server_and_odd_windows_are_shown_too(server: FakeLivy, livy: Client) -> None:
    assert "No session yet" in livy.get("/_fake/").text
    for window in ("0", "60", "-1", "x", "9" * 400):
        assert livy.get("/_fake/", params={"window": window}).status_code == 200


def press(livy: Client, path: str, form: dict[str, str], **headers: str | None) -> requests.Response:
    base = {"Origin": livy.base, "Sec-Fetch-Site": "same-origin", **headers}
    return livy.call("POST", path, data=form, headers=base)


def test_its_own_page_arms_and_clears_faults(server: FakeLivy, livy: Client) -> None:
    shown = token(livy.get("/_fake/").text)
    reply = press(livy, ARM, {"token": shown, "fault": " version:before:reset ", "window": "60"})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/_fake/?window=60")
    press(livy, ARM, {"token": shown, "fault": FAULT})
    assert [str(each.fault) for each in server.armed] == ["version:before:reset", FAULT]
    assert press(livy, CLEAR, {"token": shown, "name": "version:before:reset"}).status_code == 303
    assert [str(each.fault) for each in server.armed] == [FAULT]
    assert press(livy, CLEAR, {"token": shown}).status_code == 303
    assert server.armed == []


def test_what_cannot_be_armed_or_cleared_is_said_on_the_page(server: FakeLivy, livy: Client) -> None:
    shown = token(livy.get("/_fake/").text)
    wrong = press(livy, ARM, {"token": shown, "fault": "get_session:before:rest"})
    assert wrong.status_code == 400
    assert "did you mean &#39;reset&#39;?" in wrong.text
    assert press(livy, CLEAR, {"token": shown, "name": "nothing"}).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ],
)
def test_a_button_pressed_elsewhere_does_nothing(
    server: FakeLivy, livy: Client, headers: dict[str, str | None]
) -> None:
    shown = token(livy.get("/_fake/").text)
    assert press(livy, ARM, {"token": shown, "fault": FAULT}, **headers).status_code == 403
    server.arm(FAULT)
    assert press(livy, CLEAR, {"token": shown}, **headers).status_code == 403
    assert len(server.armed) == 1


@pytest.mark.parametrize("given", [{}, {"token": ""}, {"token": "x" * 43}, {"token": "ä"}])
def test_without_the_token_of_this_process_a_button_does_nothing(
    server: FakeLivy, livy: Client, given: dict[str, str]
) -> None:
    assert press(livy, ARM, {**given, "fault": FAULT}).status_code == 403
    assert server.armed == []


def test_two_servers_have_two_tokens(livy: Client, clock: ManualClock) -> None:
    with FakeLivy(engine="scripted", clock=clock, seed=1) as other:
        assert token(requests.get(f"{other.url}/_fake/", timeout=20).text) != token(livy.get("/_fake/").text)


@pytest.mark.parametrize("path", ["/_fake/", "/_fake/dashboard/live"])
def test_a_name_that_was_made_to_point_here_shows_nothing(livy: Client, path: str) -> None:
    for host, status in (("rebound.example", 403), ("rebound.example:80", 403), ("localhost:1", 200), ("[::1]:1", 200)):
        reply = livy.get(path, headers={"Host": host})
        assert reply.status_code == status
        assert ("</" in reply.text) == (status == 200)


def test_no_page_can_put_it_into_a_frame(livy: Client) -> None:
    assert "frame-ancestors 'none'" in livy.get("/_fake/").headers["Content-Security-Policy"]


# ---- in a real browser


def test_a_browser_draws_it_and_brings_it_up_to_date(eventful: FakeLivy, tmp_path: Path) -> None:
    page = browser.dom(f"{eventful.url}/_fake/", tmp_path / "profile", budget=2500)
    assert 'data-session="0"' in page
    assert '<span id="status">live</span>' in page, "its script could not fetch what changed"
    assert len(rectangles(page, "strike")) == 1


def test_a_browser_takes_a_picture_of_it(eventful: FakeLivy, tmp_path: Path) -> None:
    image = tmp_path / "dashboard.png"
    browser.screenshot(f"{eventful.url}/_fake/", tmp_path / "profile", image)
    assert image.read_bytes().startswith(PNG)
    # A page without its style or its chart is a few kilobytes of white.
    assert image.stat().st_size > 50_000


EVIL = """<!doctype html><body>
<iframe name="frame"></iframe>
<form id="form" method="post" target="frame" action="{url}/_fake/dashboard/arm">
<input name="fault" value="version:before:reset"><input name="token" value="guess"></form>
<p id="seen">unset</p>
<script>
const seen = [];
document.getElementById("form").submit();
const tell = what => {{ seen.push(what); document.getElementById("seen").textContent = seen.join(" "); }};
fetch("{url}/_fake/").then(r => r.text()).then(t => tell("read:" + t.length), () => tell("blocked"));
const url = "{url}/_fake/faults", method = "POST", body = "version:before:close";
fetch(url, {{method, body, mode: "no-cors"}}).finally(() => tell("posted"));
fetch(url, {{method, body, headers: {{"X-Fakelivy-Control": "1"}}}})
  .then(() => tell("sent"), () => tell("refused"));
</script>"""


@pytest.fixture
def evil(server: FakeLivy) -> Iterator[str]:
    """A page of another origin that tries what it can."""
    content = EVIL.format(url=server.url).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}/"
        web.shutdown()
        thread.join()


def test_a_foreign_page_in_a_real_browser_can_neither_read_nor_arm(
    server: FakeLivy, engine: ToyEngine, evil: str, tmp_path: Path
) -> None:
    page = browser.dom(evil, tmp_path / "profile", budget=3000)
    seen = re.search(r'id="seen">([^<]*)<', page)
    assert seen
    assert set(seen[1].split()) == {"blocked", "posted", "refused"}
    assert server.armed == []
