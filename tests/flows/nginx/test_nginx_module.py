# SPDX-License-Identifier: Apache-2.0
"""The nginx module, in the real nginx."""
import base64
import concurrent.futures
import json
import os
import pwd
import re
import select
import socket
import threading
import time

import pytest

import http2
import proc

from nginx import Connection, Nginx
from proxies import Application
from requirements import need_plain_build, need_root
from settings import PATIENCE, TORTURE, scaled
from value import id_of, value_new
from waiting import eventually

PLAIN = "location / { jeton other; empty_gif; }"
NOBODY = "www-data"         # may not see the table: each verification asks the daemon

VARIABLES = """
location / {
    jeton other scope=deploy subject=$arg_who;
    add_header X-Seen "$jeton_id|$jeton_subject|$jeton_scopes|$jeton_expires|$jeton_verifier|$jeton_status" always;
    empty_gif;
}
"""

SATISFY = """
location /passes { satisfy any; allow all; jeton other; jeton_accept bearer basic; empty_gif; }
location /refused { satisfy any; deny all; jeton other; jeton_accept bearer basic; empty_gif; }
location /both { deny all; jeton other; empty_gif; }
location /off { jeton off; empty_gif; }
location /page { jeton other; error_page 401 =200 @page; empty_gif; }
location @page { add_header X-Status "$jeton_status"; empty_gif; }
"""


@pytest.fixture
def table_for_all(daemon):
    """A daemon whose table every local process may see."""
    return daemon()


def only_for_root(daemon):
    return daemon("verify.table_group=root")


def as_nobody():
    """Skip unless nginx can have workers who may not see the table."""
    need_root()
    pwd.getpwnam(NOBODY)


def admit(directory):
    """Let the workers of another user reach a socket there."""
    os.chmod(directory, 0o755)
    os.chmod(os.path.dirname(directory), 0o755)


def fields(response):
    """Return what the client is sent for a refusal."""
    return {name: response.headers.get_all(name) for name in ("WWW-Authenticate", "Retry-After", "Cache-Control")
            if name in response.headers}


# -- the contract -------------------------------------------------------------------------------

def test_each_state_of_a_token_has_its_answer_in_nginx(table_for_all):
    d = table_for_all
    good, pending, revoked, disabled = (d.create(subject="ann", scopes="read", **more)["token"] for more in
                                        ({}, {"delay": "1h"}, {}, {}))
    d.ask(f"revoke token={revoked}")
    d.ask(f"disable {id_of(disabled)}")
    invalid = 'Bearer realm="jeton", error="invalid_token"'
    with Nginx(d.path("verify"), PLAIN + "location /deploy { jeton other scope=deploy; empty_gif; }") as nginx:
        assert nginx.get(value=good).status == 200
        assert fields(nginx.get()) == {"WWW-Authenticate": ['Bearer realm="jeton"'], "Cache-Control": ["no-store"]}
        for value in revoked, disabled, value_new(), "x", id_of(good):
            answer = nginx.get(value=value)
            assert answer.status == 401 and fields(answer)["WWW-Authenticate"] == [invalid], value
        answer = nginx.get(value=pending)
        assert answer.status == 401 and 3500 < int(fields(answer)["Retry-After"][0]) <= 3600
        answer = nginx.get("/deploy", good)
        assert answer.status == 403
        assert fields(answer)["WWW-Authenticate"] == ['Bearer realm="jeton", error="insufficient_scope", scope="deploy"']


def test_credentials_that_can_be_read_in_two_ways_are_refused_by_nginx(table_for_all):
    value = table_for_all.create()["token"]
    with Nginx(table_for_all.path("verify"), PLAIN) as nginx:
        for lines in ([f"Bearer {value}", f"Bearer {value}"], [f"Bearer {value}", "Bearer x"], [f"Bearer {value}, x"],
                      [f"Bearer {value} x"], [f"Bearer x {value}"], [f"Basic {value}"], [value]):
            connection = Connection(nginx.path)
            connection.putrequest("GET", "/")
            for line in lines:
                connection.putheader("Authorization", line)
            connection.endheaders()
            assert connection.getresponse().status in (400, 401), lines
            connection.close()
        assert nginx.get(Authorization=f"bearer  {value}").status == 200


def test_token_comes_as_a_basic_password_or_in_a_named_field_where_that_is_accepted(table_for_all):
    value = table_for_all.create()["token"]
    basic = "Basic " + base64.b64encode(f"git:{value}".encode()).decode()
    server = PLAIN + "location /all { jeton other; jeton_accept bearer basic header:X-API-Key; empty_gif; }"
    with Nginx(table_for_all.path("verify"), server) as nginx:
        assert [nginx.get("/all", value).status, nginx.get("/all", Authorization=basic).status,
                nginx.get("/all", X_API_Key=value).status] == [200, 200, 200]
        assert [nginx.get("/", Authorization=basic).status, nginx.get("/", X_API_Key=value).status] == [401, 401]
        assert nginx.get("/all", value, X_API_Key=value).status == 401


def test_variables_say_whose_a_good_token_is_and_nothing_of_another(table_for_all):
    d = table_for_all
    made = d.create(subject="ann", scopes="deploy,read")
    with Nginx(d.path("verify"), VARIABLES) as nginx:
        assert nginx.get("/?who=ann", made["token"]).headers["X-Seen"] == f"{made['id']}|ann|deploy,read|never|local|ok"
        for target, value, word in (("/?who=bob", made["token"], "subject"), ("/?who=ann", value_new(), "unknown"),
                                    ("/", made["token"], "subject"), ("/?who=ann", None, "none")):
            assert nginx.get(target, value).headers["X-Seen"] == f"|||||{word}", target


def test_subject_that_a_client_chose_is_compared_as_a_whole(table_for_all):
    value = table_for_all.create(subject="ann")["token"]
    server = "location / { jeton other subject=$remote_user; jeton_accept header:X-API-Key; empty_gif; }"
    with Nginx(table_for_all.path("verify"), server) as nginx:
        for user, status in ("ann", 200), ("bob", 403), ("", 403), ("ann ", 403), ("ann\0", 403), ("ann\0bob", 403), ("\0", 403), \
                ("a" * 256, 403), ("a" * 257, 403), ("a" * 2000, 403):
            basic = "Basic " + base64.b64encode(f"{user}:x".encode()).decode()
            assert nginx.get(X_API_Key=value, Authorization=basic).status == status, repr(user)


def test_identity_that_a_client_claims_is_replaced_in_every_spelling(table_for_all):
    value = table_for_all.create(subject="ann")["token"]
    with Application() as application:
        server = "location / { jeton other; proxy_set_header X-Jeton-Subject $jeton_subject; " \
            f"proxy_pass http://127.0.0.1:{application.port}; }}"
        with Nginx(table_for_all.path("verify"), server) as nginx:
            connection = Connection(nginx.path)
            for name in ("X-Jeton-Subject", "x-jeton-subject", "X_Jeton_Subject", "X-Jeton_Subject", "X_Jeton-Subject",
                         "X.Jeton.Subject", "X-Jeton.Subject", "X_Jeton.Subject"):
                connection.request("GET", "/", headers={"Authorization": f"Bearer {value}", name: "root"})
                asked = json.loads(connection.getresponse().read())["headers"]
                assert [field for field in asked if "subject" in field[0]] == [["x-jeton-subject", "ann"]], name
            connection.close()


def test_satisfy_any_takes_back_what_a_refusal_had_added(table_for_all):
    with Nginx(table_for_all.path("verify"), SATISFY) as nginx:
        passed, refused = nginx.get("/passes"), nginx.get("/refused")
        assert (passed.status, fields(passed)) == (200, {})
        assert refused.status == 401 and len(fields(refused)["WWW-Authenticate"]) == 2
        value = table_for_all.create()["token"]
        assert nginx.get("/refused", value).status == 200
        assert nginx.get("/both", value).status == 403
        assert nginx.get("/off").status == 200
        page = nginx.get("/page")
        assert (page.status, page.headers["X-Status"], fields(page)) == (200, "none", {})


def test_only_the_main_request_is_verified_and_not_before_return(table_for_all):
    """As with every module of the access phase: jeton-nginx(5) states it."""
    value = table_for_all.create(scopes="read")["token"]
    server = """
    location /main { jeton other scope=read; auth_request /part; empty_gif; }
    location /part { jeton other scope=write; empty_gif; }
    location /return { jeton other scope=write; return 200; }"""
    with Nginx(table_for_all.path("verify"), server) as nginx:
        assert [nginx.get("/main", one).status for one in (value, None)] == [200, 401]
        assert nginx.get("/part", value).status == 403
        assert nginx.get("/return").status == 200


@pytest.mark.parametrize("server, fault", [
    ("jeton other scope=;", "a scope is missing"),
    ("jeton other scope=a scope=b;", "given twice"),
    ("jeton other colour=blue;", "this should be scope= or subject="),
    ("jeton 'my service';", "no name of a service, which has"),
    ("jeton '';", "no name of a service"),
    ("jeton_socket /" + "x" * 107 + ";", "at most 107 bytes"),
    ("jeton off scope=a;", "takes nothing after off"),
    ("jeton other; jeton other;", "duplicate"),
    ("jeton_socket verify.sock;", "should be an absolute path"),
    ("jeton_realm 'a\"b';", "without quotes"),
    ("jeton_accept bearer cookie;", 'bearer, basic and header:NAME: "bearer,cookie"'),
    ("jeton_accept header:Host;", "meaning of its own"),
])
def test_wrong_directive_is_named_by_nginx(server, fault):
    said = Nginx("/run/jeton/verify.sock", server).check()
    assert said is not None and re.search(fault, said), said


# -- from one moment to the next ----------------------------------------------------------------

@pytest.mark.parametrize("table", [True, False], ids=["table", "socket"])
def test_revoked_token_is_refused_by_the_next_request(daemon, table):
    if not table:
        as_nobody()
    d = daemon() if table else only_for_root(daemon)
    admit(d.directory)
    with Nginx(d.path("verify"), PLAIN, user=None if table else NOBODY) as nginx:
        admit(nginx.directory)
        connection = Connection(nginx.path)
        for _ in range(100):
            value = d.create()["token"]
            assert connection.get("/", value).status == 200
            d.ask(f"revoke token={value}")
            assert connection.get("/", value).status == 401
        connection.close()


@pytest.mark.parametrize("table", [True, False], ids=["table", "socket"])
def test_killed_daemon_means_503_and_its_successor_is_asked_without_a_reload(daemon, table):
    if not table:
        as_nobody()
    d = daemon() if table else only_for_root(daemon)
    admit(d.directory)
    value = d.create()["token"]
    with Nginx(d.path("verify"), PLAIN, user=None if table else NOBODY) as nginx:
        assert nginx.get("/", value).status == 200
        for _ in range(3):
            d.kill()
            answer = eventually(lambda: (a := nginx.get("/", value)).status == 503 and a, "nobody can judge")
            assert int(answer.headers["Retry-After"]) > 0
            assert re.search(r'\[error\].* jeton: nobody could judge .*service "other", socket ', nginx.log())
            d.start()
            assert eventually(lambda: nginx.get("/", value).status == 200, "the successor is asked")


def ask_all(nginx, value, count):
    """Send requests on connections of their own, and return these."""
    waiting = [Connection(nginx.path) for _ in range(count)]
    for connection in waiting:
        connection.request("GET", "/", headers={"Authorization": f"Bearer {value}"})
    return waiting


def test_hung_daemon_holds_up_only_the_requests_that_need_it(daemon):
    as_nobody()
    d = only_for_root(daemon)
    admit(d.directory)
    value = d.create()["token"]
    with Nginx(d.path("verify"), PLAIN + "location /off { jeton off; empty_gif; }", user=NOBODY) as nginx:
        assert nginx.get("/", value).status == 200
        overtaken = False
        with d.stopped():
            for _ in range(5):
                waiting = ask_all(nginx, value, 20)
                for connection in waiting[:10]:         # gone before it is answered
                    connection.close()
                assert nginx.get("/off").status == 200
                overtaken |= not select.select([connection.sock for connection in waiting[10:]], [], [], 0)[0]
                assert {connection.getresponse().status for connection in waiting[10:]} == {503}
                for connection in waiting:
                    connection.close()
        assert overtaken, "a request that needs no daemon is answered while others wait"
        assert eventually(lambda: nginx.get("/", value).status == 200, "it goes on")


def test_late_answer_is_nothing_to_a_request_that_post_action_has_led_elsewhere(daemon):
    as_nobody()
    d = only_for_root(daemon)
    admit(d.directory)
    value = d.create()["token"]
    server = """
    location / { jeton other; post_action /after; empty_gif; }
    location /after { proxy_pass http://unix:DIRECTORY/after.sock:/; }
    location /only { jeton other; empty_gif; }
    location /off { empty_gif; }"""
    with Nginx(d.path("verify"), server, user=NOBODY) as nginx, socket.socket(socket.AF_UNIX) as after:
        admit(nginx.directory)
        after.bind(f"{nginx.directory}/after.sock")
        os.chmod(after.getsockname(), 0o777)
        after.listen()
        after.settimeout(20 * PATIENCE)
        assert nginx.get("/only", value).status == 200
        with d.stopped():
            [waiting] = ask_all(nginx, value, 1)
            assert nginx.get("/off").status == 200
            waiting.close()
            acting, _ = after.accept()
        assert nginx.get("/only", value).status == 200, "the answer before this one has come"
        after.setblocking(False)
        with pytest.raises(BlockingIOError):
            after.accept()
        acting.close()


def test_no_request_fails_while_nginx_reloads(daemon):
    d = daemon()
    value = d.create()["token"]
    stop, statuses = threading.Event(), set()

    def ask():
        while not stop.is_set():
            statuses.add(nginx.get("/", value).status)

    with Nginx(d.path("verify"), PLAIN, workers=2) as nginx:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            asking = [pool.submit(ask) for _ in range(2)]
            try:
                for _ in range(5):
                    nginx.reload()
            finally:
                stop.set()
            for one in asking:
                one.result()
    assert statuses == {200}


def test_hung_daemon_does_not_hold_up_the_start_of_a_worker(daemon):
    d = daemon()
    services = "".join(f"location /s{n} {{ jeton s{n}; empty_gif; }}" for n in range(8))
    with Nginx(d.path("verify"), services + "location /off { empty_gif; }") as nginx:
        with d.stopped():
            took = []
            while not took or (min(took) >= 0.9 * PATIENCE and len(took) < 3):      # the machine may be busy once
                nginx.reload()
                begin = time.monotonic()
                assert nginx.get("/off").status == 200
                took.append(time.monotonic() - begin)
            assert min(took) < 0.9 * PATIENCE, f"not even one of the handles is waited for: {took}"


@pytest.mark.campaign
def test_worker_does_not_grow_with_requests(daemon):
    need_plain_build()
    d = daemon()
    value = d.create()["token"]
    count = scaled(1000000 if TORTURE else 5000)
    with Nginx(d.path("verify"), VARIABLES, level="error") as nginx:
        connection, [worker] = Connection(nginx.path), nginx.workers()
        sizes = []
        for part in range(4):
            for _ in range(count // 4):
                if connection.sock is None:
                    connection.connect()
                assert connection.get("/?who=ann", value).status == 403
            sizes.append(proc.rss(worker))
        connection.close()
        assert sizes[-1] - sizes[0] < 512 * 1024, sizes


def test_nginx_speaks_http_2_and_verifies_each_stream(daemon):
    d = daemon()
    good = ("authorization", f"Bearer {d.create()['token']}")
    with Nginx(d.path("verify"), f"listen unix:DIRECTORY/h2.sock http2; {PLAIN}") as nginx, \
            http2.Connection(f"{nginx.directory}/h2.sock") as connection:
        assert connection.statuses([good], [], [good], [good, good], [("authorization", "Bearer x")]) == \
            [200, 401, 200, 400, 401]
