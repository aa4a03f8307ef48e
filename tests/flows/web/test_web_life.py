# SPDX-License-Identifier: Apache-2.0
"""jeton-web from its start to its end: how it is started and found, what it streams, and when it ends."""
import glob
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

import pytest

import proc
from daemon import Daemon
from filled_store import fill
from jeton_command import JETON, Impostor, Terminal, jeton
from requirements import need_plain_build, need_root
from settings import BUILD, PATIENCE, SANITIZER, scaled
from users import ANN, UserDaemon, as_user
from waiting import eventually
from web import LINK, PAGE, WEB, Stream, Web

COUNT = scaled(100000, 1000)


def run(*arguments, **environment):
    """Run jeton-web to its end."""
    return subprocess.run([WEB, *arguments], capture_output=True, text=True, timeout=30 * PATIENCE, stdin=subprocess.DEVNULL,
                          env=os.environ | environment)


def connections(d):
    return int(d.stats()["connections"])


# -- streams -------------------------------------------------------------------------------------

@pytest.mark.timeout(120)
def test_list_that_is_read_slowly_is_whole_and_held_in_bounded_memory(web):
    hexits = os.urandom(32 * COUNT).hex()
    daemon = Daemon()
    daemon.start_within = 60
    fill(daemon.store, [hexits[at:at + 64] for at in range(0, len(hexits), 64)])
    with daemon as d:
        w = web(d)
        w.exchange("ping")
        before = proc.rss(w.pid)
        connection, stream = w.stream("list", "quit")
        slow, _ = w.stream("list", "quit")      # it reads nothing at all
        with connection, slow:
            lines, most, chunks, seen = 0, 0, 0, b"\n"
            while (chunk := stream.chunk()) is not None:
                seen = seen[-2:] + chunk
                lines += seen.count(b"\n* ")
                chunks += 1
                if chunks % 50 == 1:
                    most = max(most, proc.rss(w.pid))
                    assert w.exchange("ping") == "OK\nOK\n", "others are served meanwhile"
            assert lines == COUNT and seen.endswith(b"\nOK\n")
        if not SANITIZER:
            assert most - before < 2 << 20, "memory does not grow with the list"


def test_daemon_that_reads_nothing_and_a_browser_that_goes_away_end_each_other(web):
    """A daemon that reads and answers nothing holds up its own exchange alone, and sees the end of the browser."""
    path = tempfile.mkdtemp(prefix="") + "/slow.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(20 * PATIENCE)

        def greet():
            peer, _ = listener.accept()
            with peer:
                peer.recv(100)
                peer.sendall(b"OK role=admin\n")
        greeting = threading.Thread(target=greet)
        greeting.start()
        with Web(path) as w:
            greeting.join()
            connection = w.connect()
            connection.send(w.post(b"x" * 65536))
            stream = Stream(connection)
            peer, _ = listener.accept()
            assert stream.response.status == 200, "the daemon need not have read"
            assert w.status(w.get()) == 200
            connection.close()
            peer.settimeout(20 * PATIENCE)
            while peer.recv(65536):
                pass
            peer.close()


def test_watch_streams_each_entry_as_it_comes_and_ends_with_the_browser(daemon, web):
    d = daemon()
    w = web(d)
    before = eventually(lambda: connections(d) == 1, "what the start asked has ended")
    connection, stream = w.stream("watch after=0")
    with connection:
        for number in range(5):
            made = d.create(description=f"number {number}")["id"]
            assert made in stream.line(), "nothing is held back"
        assert connections(d) == before + 1
    eventually(lambda: connections(d) == before, "the daemon's connection ends, too")


def test_daemon_that_is_restarted_meanwhile_is_found_again(daemon, web):
    d = daemon()
    w = web(d)
    token = d.create()
    connection, stream = w.stream("watch after=0")
    assert token["id"] in stream.line()
    d.stop()
    while stream.line() is not None:
        pass
    connection.close()
    answer = w.ask(w.post("ping\nquit\n"))
    assert answer.status == 502 and answer.body.decode().count("\n") == 1, answer
    assert "is jetond running?" in answer.body.decode() and answer.get("content-type").startswith("text/plain")
    d.start()
    assert w.exchange("ping") == "OK\nOK\n"
    connection, stream = w.stream("watch after=0")
    with connection:
        assert token["id"] in stream.line()
        d.kill()
        while stream.chunk() is not None:
            pass
    d.start()
    assert w.exchange("ping") == "OK\nOK\n"


def test_values_are_neither_printed_nor_left_in_memory(daemon, web):
    need_root()
    need_plain_build()
    d = daemon()
    w = web(d)
    values = []
    for _ in range(3):
        answer = w.exchange("create description=secret")
        values.append(answer.partition('token="')[2].partition('"')[0] or answer.partition("token=")[2].split()[0])
        assert d.verify(values[-1]) == "OK"
    w.exchange(f'revoke token="{values[0]}"')
    assert w.status(w.post(f'verify token="{values[1]}"\n', secret="y" * 43)) == 401
    for value in values:
        secret = value[4:36].encode()
        eventually(lambda: proc.memory_holds(w.pid, secret) is None, "no copy is left")
        assert value not in w.out and value not in w.log()
    with open(f"/proc/{w.pid}/cmdline", "rb") as file:
        assert w.secret.encode() not in file.read()
    with open(f"/proc/{w.pid}/environ", "rb") as file:
        assert w.secret.encode() not in file.read()
    assert w.secret not in w.log()


# -- the end -------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_and_the_link(daemon, web, number):
    w = web(daemon())
    connection, stream = w.stream("watch")
    assert stream.response.status == 200
    w.stop(number)
    with connection, pytest.raises(EOFError):
        stream.chunk()
    assert "ended: stopped" in w.log()
    with pytest.raises(ConnectionRefusedError):
        w.connect()


def test_process_that_nobody_uses_ends_though_a_page_watches(daemon, web):
    w = web(daemon(), "--idle", "2s")
    begin = time.monotonic()
    connection, stream = w.stream("watch")
    open_end, _ = w.stream("list")      # without quit: its answer has no end
    with connection, open_end:
        assert stream.response.status == 200
        while time.monotonic() - begin < 3:     # longer than it may be idle
            used = time.monotonic()
            w.exchange("list limit=1")
            time.sleep(0.1)
        w.exchange("hello", "stats")
        assert w.status(w.post("list\nquit\n", "Jeton-Idle: 900")) == 200, "asked for by the page itself"
        w.status(w.get())
        w.status(w.post("list\n", secret="x" * 43))
        w.ended(0)
    assert 1.99 <= time.monotonic() - used < 30 * PATIENCE
    assert "ended: nobody has used it" in w.log()


# -- where it is found -----------------------------------------------------------------------------

def test_unix_socket_is_for_its_owner_and_goes_with_the_process(daemon, web):
    d = daemon()
    path = f"{d.directory}/web.sock"
    done = run("--socket", d.path(), "--listen", path)
    assert done.returncode == 2 and "--origin is needed" in done.stderr
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    w = web(d, "--listen", path, "--origin", "https://tokens.example.org")
    assert w.origin == "https://tokens.example.org"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert w.ask(w.get(), path).status == 200
    answer = w.ask(w.post("ping\nquit\n"), path)
    assert (answer.status, answer.body) == (200, b"OK\nOK\n")
    for host in "127.0.0.1", "localhost", "tokens.example.org:443", "example.org":
        assert w.ask(w.post("ping\n", host=host, origin=f"http://{host}"), path).status == 403, host
    second = run("--socket", d.path(), "--listen", path, "--origin", "https://tokens.example.org")
    assert second.returncode == 3 and "Address already in use" in second.stderr, second
    w.stop()
    assert not os.path.exists(path)
    with open(path, "w") as file:
        file.write("kept")
    assert run("--socket", d.path(), "--listen", path, "--origin", "http://x").returncode == 3
    with open(path) as file:
        assert file.read() == "kept"


def test_addresses_off_this_host_are_refused(daemon):
    d = daemon()
    for address in "0.0.0.0:8080", "[::]:8080", "192.0.2.1:80", "127.0.0.2:80", "8080", "localhost:1", "127.0.0.1:70000":
        done = run("--socket", d.path(), "--listen", address)
        assert done.returncode == 2 and "127.0.0.1:PORT" in done.stderr, address


def test_ipv6_loopback_works(daemon, web):
    w = web(daemon(), "--listen", "[::1]:0")
    with socket.create_connection(("::1", w.port)) as sock:
        sock.sendall(w.post("ping\nquit\n"))
        data = b""
        while more := sock.recv(65536):
            data += more
    assert b"200 OK" in data and b"OK\nOK\n" in data
    assert w.host == f"[::1]:{w.port}"


def test_over_ssh_the_line_for_the_other_end_is_printed(daemon, web):
    d = daemon()
    w = web(d, extra={"SSH_CONNECTION": "192.0.2.7 51234 192.0.2.1 22"})
    eventually(lambda: f"ssh -L {w.port}:127.0.0.1:{w.port} 192.0.2.1\n" in w.log(), "the line is there")
    w = web(d, "--origin", "http://127.0.0.1:9000", extra={"SSH_CONNECTION": "2001:db8::7 5 2001:db8::1 2222"})
    eventually(lambda: "Ctrl-C" in w.log(), "all is printed")
    assert "ssh -p 2222 -L 9000:127.0.0.1:" in w.log() and w.log().count(" 2001:db8::1\n") == 1
    path = f"{d.directory}/it's $(touch x).sock"
    w = web(d, "--listen", path, "--origin", "http://127.0.0.1:9000", extra={"SSH_CONNECTION": "192.0.2.7 5 192.0.2.1 22"})
    line = eventually(lambda: re.search(": (ssh -L .*)", w.log()), "the line is there")[1]
    assert shlex.split(line) == ["ssh", "-L", f"9000:{path}", "192.0.2.1"], "for a shell, whatever the directory is called"
    w = web(d, extra={"SSH_CONNECTION": "a b $(touch x) 22"})
    eventually(lambda: "Ctrl-C" in w.log(), "all is printed")
    assert "ssh" not in w.log() and not os.path.exists("x")


def test_server_that_is_not_trusted_is_not_used(daemon):
    need_root()
    d = daemon()
    os.chmod(d.directory, 0o777)
    try:
        done = run("--socket", d.path())
    finally:
        os.chmod(d.directory, 0o700)
    assert done.returncode == 3 and done.stdout == "" and "can be written by group or others" in done.stderr, done
    impostor = Impostor(lambda _: b"HTTP/1.1 200 OK\r\n\r\n")
    done = run("--socket", impostor.path)
    assert done.returncode == 3 and "not jetond" in done.stderr
    assert run("--socket", "/nowhere.sock").returncode == 3
    assert run("--socket", d.path(), "--page", d.directory).returncode == 3
    assert run().returncode == 2


# -- the browser -----------------------------------------------------------------------------------

def desktop(directory, uid):
    """Return the environment of a user with a desktop, whose xdg-open writes down what it is called with and sees."""
    for name in "bin", "run":
        os.makedirs(f"{directory}/{name}")
    os.chown(f"{directory}/run", uid, uid)
    os.chmod(f"{directory}/run", 0o700)
    with open(f"{directory}/bin/xdg-open", "w") as file:
        file.write(f'#!/bin/sh\nstat -c %a "$1" >{directory}/run/mode\ncat "$1" >{directory}/run/seen\n'
                   f'printf "%s\\n" "$#" "$1" >{directory}/run/called.new\nmv {directory}/run/called.new {directory}/run/called\n')
    os.chmod(file.name, 0o755)
    return {"DISPLAY": ":77", "XDG_RUNTIME_DIR": f"{directory}/run", "PATH": f"{directory}/bin:{os.environ['PATH']}", "SUDO_UID": ""}


def read(path):
    with open(path) as file:
        return file.read()


def test_browser_is_given_a_private_file_and_never_the_link(daemon):
    need_plain_build()
    d = UserDaemon(daemon)
    directory = tempfile.mkdtemp(prefix="")
    os.chmod(directory, 0o755)
    given = desktop(directory, ANN)
    page = f"setpriv --reuid {ANN} --regid {ANN} --clear-groups {WEB} --socket {d.path}"
    terminal = Terminal("", "-c", f"exec {page}", program="/bin/sh", columns=200, **given)
    terminal.expect("Ctrl-C ends it")
    link = next(line.strip() for line in terminal.seen.decode().splitlines() if "/#" in line) + "\n"
    assert LINK.fullmatch(link), link
    eventually(lambda: os.path.exists(f"{directory}/run/called"), "xdg-open is called")
    count, path = read(f"{directory}/run/called").split()
    assert count == "1" and path.startswith(f"{directory}/run/jeton-web-") and path.endswith(".html")
    assert read(f"{directory}/run/mode") == "600\n"
    assert link.strip() in read(f"{directory}/run/seen")
    w = Web(d.path)
    w.link, w.process = link.strip(), None
    w.origin, _, w.secret = w.link.partition("/#")
    w.host, w.port = w.origin.partition("//")[2], int(w.origin.rpartition(":")[2])
    with as_user(ANN, w.connect) as connection:
        connection.send(w.post("hello\nquit\n"))
        assert b"role=self" in Stream(connection).all()
    eventually(lambda: not os.path.exists(path), "the file is removed once the page was opened")
    terminal.type("\x03")
    terminal.finish()
    assert terminal.status == 0 and glob.glob(f"{directory}/run/*.html") == []


def test_browser_is_left_alone_where_there_is_no_desktop_of_ours(daemon):
    d = UserDaemon(daemon)
    directory = tempfile.mkdtemp(prefix="")
    os.chmod(directory, 0o755)
    given = desktop(directory, ANN)
    for more, option in (({"DISPLAY": ""}, ""), ({}, "--no-browser"), ({"SSH_CONNECTION": "1 2 3 4"}, ""),
                         ({"XDG_RUNTIME_DIR": directory}, "")):
        page = f"setpriv --reuid {ANN} --regid {ANN} --clear-groups {WEB} --socket {d.path} {option}"
        terminal = Terminal("", "-c", f"exec {page}", program="/bin/sh", columns=200, **(given | more))
        terminal.expect("Ctrl-C ends it")
        terminal.type("\x03")
        terminal.finish()
        assert terminal.status == 0
    with Web(d.path, program=(WEB, "--socket", d.path), uid=ANN, extra=given):
        pass        # standard output is no terminal
    assert not os.path.exists(f"{directory}/run/called") and glob.glob(f"{directory}/*/*.html") == []


# -- the command -----------------------------------------------------------------------------------

def test_command_starts_it_with_the_socket_and_the_options_given(daemon):
    d = daemon()
    with Web(d.path(), "-S", d.path("observe"), "--no-browser", "--idle=1h", program=(JETON, "web")) as w:
        assert "role=observe" in w.exchange("hello")
        eventually(lambda: "or 1h without use" in w.log(), "the option is passed on")
        assert os.path.basename(os.readlink(f"/proc/{w.pid}/exe")) == "jeton-web"
    with Web("", "--no-browser", "--idle", "0s", program=(JETON, "web"), extra={"JETON_SOCKET": d.path()}) as w:
        eventually(lambda: "Ctrl-C ends it\n" in w.log(), "it ends by a signal alone")
        assert "role=admin" in w.exchange("hello")


def test_command_explains_what_is_missing_or_wrong(daemon):
    d = daemon()
    alone = f"{d.directory}/bin"
    os.mkdir(alone)
    os.link(JETON, f"{alone}/jeton") if os.stat(JETON).st_dev == os.stat(alone).st_dev else \
        subprocess.run(["cp", JETON, alone], check=True)
    done = subprocess.run([f"{alone}/jeton", "-S", d.path(), "web"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 3 and "package jeton-web" in done.stderr, done
    for arguments in (["web", "x"], ["web", "--json"], ["web", "id=1"], ["list", "--no-browser"], ["list", "--idle", "1h"],
                      ["web", "--idle", "soon"], ["web", "--listen", "0.0.0.0:80"]):
        done = jeton(d.path(), *arguments)
        assert done.status == 2 and done.out == "" and done.err, arguments
    done = jeton("/nowhere.sock", "web")
    assert done.status == 3 and "is jetond running?" in done.err
    assert jeton(d.path(), "web", "--help").out == jeton(d.path(), "help", "web").out != ""


def test_page_in_the_tree_is_the_one_that_is_installed(daemon, web):
    w = web(daemon())
    for name in os.listdir(PAGE):
        with open(f"{PAGE}/{name}", "rb") as file:
            assert w.ask(w.get(f"/{name}")).body == file.read(), name
    assert os.path.realpath(f"{BUILD}/web") == PAGE
