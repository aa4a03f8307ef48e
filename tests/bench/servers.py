# SPDX-License-Identifier: Apache-2.0
"""The measured servers, each on a private Unix socket: jetond, its peers and the baselines."""
import contextlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
BENCH = os.path.join(BUILD, "tests", "bench")
PACKAGES = {"redis-server": "redis-server", "memcached": "memcached", "munged": "munge", "nginx": "nginx"}
DATA = b"id=%020d subject=svc-%04d scopes=repo:read,repo:w"        # 64 bytes, as long as our replies' fields


class Missing(Exception):
    """The program is not installed."""


def program(name):
    """Path of a program, whose Debian package `make deps-bench` installs."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{name} (Debian package {PACKAGES[name]})")
    return path


def version(name):
    """Name and version of a peer's program, or that it is missing."""
    try:
        option = "-v" if name == "nginx" else "--version"
        done = subprocess.run([program(name), option], capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
    except Missing:
        return f"no {name}"
    return f"{name} {re.search('[0-9]+([.][0-9]+)+', output).group()}"


def directory():
    return tempfile.mkdtemp(prefix="jeton-bench-")


def parse_fields(line):
    """Parses name=value fields."""
    return {name: float(value) for name, value in (field.split("=") for field in line.split())}


class CommandLoop:
    """A program that reads commands, and prints a line of name=value fields for each."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def send(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[0]} ended: {self.process.wait()}")
        return parse_fields(line)

    def request(self, line):
        self.send(line)
        return self.receive()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Server:
    """A process that listens on `path`, on one CPU (None: on all); ended at the end of `with`."""

    def __init__(self, name, protocol, arguments, path, cpu=0, scratch=None, within=60):
        self.name, self.protocol, self.path = name, protocol, path
        self.scratch, self.loads = scratch, {}
        start = time.monotonic()
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: cpu is None or os.sched_setaffinity(0, {cpu}))
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - start > within:
                self.process.kill()
                raise RuntimeError(f"{name} did not start: {self.process.stderr.read()}")
            time.sleep(0.001)
        self.startup_time = time.monotonic() - start

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.path)
            except OSError:
                return False
            return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for load in self.loads.values():
            load.__exit__()
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def load(self, kind, connections, depth, seconds, keys=1000000, cpu=0, path=None, replies=""):
        """Runs the load client on one CPU, and returns its results.  The client is kept, so that its requests
        are made once."""
        self.begin_load(kind, connections, depth, seconds, keys, cpu, path, replies)
        return self.end_load(keys, cpu, path)

    def begin_load(self, kind, connections, depth, seconds, keys=1000000, cpu=0, path=None, replies=""):
        key = keys, cpu, path
        if key not in self.loads:
            self.loads[key] = CommandLoop(f"{BENCH}/load", self.protocol, path or self.path, self.process.pid, keys, cpu)
        self.loads[key].send(f"{kind} {connections} {depth} {seconds} {replies}")

    def end_load(self, keys=1000000, cpu=0, path=None):
        measured = self.loads[keys, cpu, path].receive()
        if measured["wrong"] > 0:
            raise RuntimeError(f"{self.name}: a reply was not the one expected ({measured})")
        return measured

    def thread_times(self):
        """CPU time of each thread so far, in ns, by its number."""
        times = {}
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as file:
                times[int(task)] = int(file.read().split()[0])
        return times

    def cpu_time(self):
        """CPU time of all threads so far, in ns."""
        return sum(self.thread_times().values())

    def pin_busiest(self, act, cpu, others):
        """Have the thread that does most of `act` on one CPU, and all others on another."""
        before = self.thread_times()
        act()
        spent = {task: time - before.get(task, 0) for task, time in self.thread_times().items()}
        busiest = max(spent, key=spent.get)
        for task in spent:
            os.sched_setaffinity(task, {cpu if task == busiest else others})

    def resident(self, field="VmRSS"):
        """Resident memory, in bytes; VmHWM: the most so far."""
        with open(f"/proc/{self.process.pid}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return 1024 * int(fields[field].split()[0])


def nice_prefix(nice):
    return [] if nice is None else ["nice", "-n", str(nice)]


def jetond(store, name="jetond", workers=1, cpu=0, build=None, nice=None, under=(), fleet=False, scratch=None):
    """`under`: the words of a program that runs it, such as a profiler.  `fleet`: it takes a fleet's tokens, too.  `scratch`:
    where its sockets are, as those of one before it were."""
    scratch = scratch or directory()
    roles = [f"--set={role}.path={scratch}/{role}.sock" for role in ("admin", "verify", *(("fleet",) if fleet else ()))]
    roles += [f"--set={role}.group=" for role in ("admin", "verify", "observe", "fleet")]
    if workers is not None:
        roles.append(f"--set=daemon.workers={workers}")
    if under:                               # it writes files, which the sandbox forbids
        roles.append("--set=daemon.sandbox=no")
    server = Server(name, "jeton", [*nice_prefix(nice), *under, f"{build or BUILD}/jetond", f"--set=daemon.store={store}",
                                    "--set=observe.path=", "--set=verify.table_group=", *roles],
                    f"{scratch}/verify.sock", cpu, scratch)
    server.admin, server.fleet = f"{scratch}/admin.sock", f"{scratch}/fleet.sock"
    return server


def gateway(daemon, cpu=0):
    """jeton-gateway in front of a jetond."""
    scratch = directory()
    settings = [f"--set=gateway.{key}" for key in (f"path={scratch}/http.sock", "group=", f"socket={daemon.path}",
                                                   "log_level=error")]
    return Server("gateway", "http", [f"{BUILD}/jeton-gateway", "--config", "/dev/null", *settings, "--set=site any.realm=any"],
                  f"{scratch}/http.sock", cpu, scratch)


NGINX = """
{load} daemon off; master_process off; error_log /dev/null; pid {scratch}/pid;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; client_body_temp_path {scratch}/b; proxy_temp_path {scratch}/p;
    fastcgi_temp_path {scratch}/f; uwsgi_temp_path {scratch}/u; scgi_temp_path {scratch}/s; types {{}} default_type text/plain;
    upstream auth {{ server unix:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen unix:{scratch}/nginx.sock;
        {common} location / {{ root {scratch}; try_files /empty =404; {auth} }}
        location = /_auth {{
            internal; proxy_pass http://auth/verify/any; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_pass_request_body off; proxy_set_header Content-Length "";
        }}
    }}
}}
"""


NGINX_MODULE = f"{BUILD}/nginx/ngx_http_jeton_module.so"


def nginx(name, upstream=None, verify=None, cpu=0):
    """nginx that serves an empty file: to everybody, or if another server says so at its socket `upstream`, or by our
    module with a jetond's socket `verify`."""
    if verify and not os.path.exists(NGINX_MODULE):
        raise Missing("nginx-dev, for the module")
    load, common = (f"load_module {NGINX_MODULE};", f"jeton_socket {verify};") if verify else ("", "")
    auth = "jeton other;" if verify else "auth_request /_auth;" if upstream else ""
    scratch = directory()
    os.chmod(scratch, 0o755)
    with open(f"{scratch}/empty", "w"), open(f"{scratch}/conf", "w") as conf:
        conf.write(NGINX.format(scratch=scratch, upstream=upstream or "/nothing", auth=auth, load=load, common=common))
    return Server(name, "nginx", ["env", f"LD_LIBRARY_PATH={BUILD}", program("nginx"), "-p", scratch, "-c", f"{scratch}/conf"], f"{scratch}/nginx.sock", cpu, scratch)


def redis(cpu=0, durable=False, scratch=None):
    """Log rewriting is off: it would disturb the next measurement."""
    scratch = scratch or directory()
    options = ["--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0", "--dir", scratch] \
        if durable else []
    return Server("redis", "redis", [program("redis-server"), "--port", "0", "--unixsocket", f"{scratch}/redis.sock",
                                     "--save", "", "--daemonize", "no", *options],
                  f"{scratch}/redis.sock", cpu, scratch)


def memcached(cpu=0):
    scratch = directory()
    return Server("memcached", "memcached", [program("memcached"), "-s", f"{scratch}/memcached.sock", "-m", "2048",
                                             "-t", "1", "-u", pwd.getpwuid(os.geteuid()).pw_name],
                  f"{scratch}/memcached.sock", cpu, scratch)


def munged(cpu=0):
    scratch = directory()
    with open(f"{scratch}/key", "wb") as key:
        key.write(os.urandom(128))
    os.chmod(f"{scratch}/key", 0o400)
    return Server("munged", "munge", [program("munged"), "--foreground", "--force", f"--key-file={scratch}/key",
                                      f"--socket={scratch}/munge.sock", f"--pid-file={scratch}/pid",
                                      f"--seed-file={scratch}/seed", f"--log-file={scratch}/log"],
                  f"{scratch}/munge.sock", cpu, scratch)


def baseline(kind, protocol="echo", *arguments, cpu=0, nice=None):
    scratch = directory()
    return Server(kind, protocol, [*nice_prefix(nice), f"{BENCH}/baseline", kind, f"{scratch}/baseline.sock",
                                   *map(str, arguments)], f"{scratch}/baseline.sock", cpu, scratch)


@contextlib.contextmanager
def busy_cpu(cpu, task, *command):
    """Keeps a CPU busy with another program, which reads a task from its standard input."""
    other = subprocess.Popen(["taskset", "-c", str(cpu), *map(str, command)], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL)
    try:
        other.stdin.write(b"%d\n" % task)
        other.stdin.close()
        yield
        if other.poll() is not None:
            raise RuntimeError(f"{command[0]} ended early: {other.returncode}")
    finally:
        other.kill()
        other.wait()


def values(keys):
    """The values of values.h, which the load client asks for."""
    result = subprocess.run([f"{BENCH}/load", "values", str(keys)], stdout=subprocess.PIPE, check=True)
    return result.stdout.split()


def fill(server, keys):
    """Stores the keys that jetond has in a peer, with data as long as our replies."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(server.path)
        names = values(keys)
        for begin in range(0, keys, 2000):
            batch = names[begin:begin + 2000]
            s.sendall(b"".join(PUT[server.protocol](name, DATA % (begin + i, i % 1000))
                               for i, name in enumerate(batch)))
            left = len(batch)
            while left > 0:
                left -= s.recv(65536).count(b"\n")


PUT = {"redis": lambda key, data: b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(data), data),
       "memcached": lambda key, data: b"ms %s %d\r\n%s\r\n" % (key, len(data), data)}
