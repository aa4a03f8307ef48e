#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A PAM application that does one thing at a time: reads {"do": name, …} lines from the socket
whose number is its argument, and answers each with a line.  pam_stack.py starts and talks to it."""
import ctypes
import glob
import json
import os
import sys
import tempfile
import threading
import time

ECHO_OFF, ECHO_ON = 1, 2
SUCCESS, BUF_ERR, CONV_ERR, CONV_AGAIN = 0, 5, 19, 30
USER = 2

c = ctypes.CDLL(None)           # the global scope: what was preloaded comes first
c.calloc.restype = ctypes.c_void_p
c.strdup.restype = ctypes.c_void_p
c.strdup.argtypes = [ctypes.c_void_p]
if not hasattr(c, "pam_start"):
    c = ctypes.CDLL("libpam.so.0")


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Message)),
                            ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("converse", CONVERSE), ("data", ctypes.c_void_p)]


class Session:
    """One PAM handle.  An answer is a text, or the number of a PAM code for the conversation to
    fail with, or None: what the secret holds."""

    def __init__(self, service, user, answers):
        self.answers = list(answers)
        self.messages = []
        self.secret = ctypes.create_string_buffer(600)
        self.conversation = Conversation(CONVERSE(self.converse), None)
        self.handle = ctypes.c_void_p()
        self.last = c.pam_start(service.encode(), user and user.encode("utf-8", "surrogateescape"),
                                ctypes.byref(self.conversation), ctypes.byref(self.handle))

    def converse(self, count, messages, responses, _):
        asked = [(messages[i].contents.style, messages[i].contents.text) for i in range(count)]
        self.messages += [[style, text.decode()] for style, text in asked]
        answers = [self.answers.pop(0) if self.answers else CONV_ERR
                   for style, _ in asked if style in (ECHO_OFF, ECHO_ON)]
        for answer in answers:
            if isinstance(answer, int):
                return answer
        # malloc'ed: the library frees it
        array = c.calloc(max(count, 1), ctypes.sizeof(Response))
        replies = ctypes.cast(array, ctypes.POINTER(Response))
        for i, answer in enumerate(answers):
            source = self.secret if answer is None else answer.encode("utf-8", "surrogateescape")
            replies[i].text = c.strdup(source)
        responses[0] = array
        return SUCCESS

    def run(self, call, *arguments):
        began = time.monotonic()
        self.last = getattr(c, call)(self.handle, *arguments)
        messages, self.messages = self.messages, []
        return {"code": self.last, "messages": messages, "seconds": time.monotonic() - began}

    def end(self):
        code = c.pam_end(self.handle, self.last)
        self.handle = None
        return {"code": code}


session = None


def start(service, user, answers):
    global session
    session = Session(service, user, answers)
    return {"code": session.last}


def call(name, arguments=()):
    return session.run(name, *arguments)


def set_user(user):
    return session.run("pam_set_item", USER, user.encode())


def end():
    return session.end()


def in_child(name):
    """Make the same call in a child after fork(), which exits as a child does."""
    child = os.fork()
    if child == 0:
        code = session.run(name, 0)["code"]
        c.pam_end(session.handle, code | 0x40000000)        # PAM_DATA_SILENT
        os._exit(code)
    return {"code": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}


def open_secret(path):
    """Reads the secret in a way that leaves no other copy."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return {"length": os.readv(fd, [memoryview(session.secret).cast("B")[:-1]])}
    finally:
        os.close(fd)


def wipe():
    ctypes.memset(session.secret, 0, len(session.secret))


def chroot(directory):
    os.chroot(directory)
    os.chdir("/")


def share_wrapper():
    """Let other users read what the wrapper has made for this process, as newer ones do not."""
    for directory in glob.glob(f"{tempfile.gettempdir()}/pam.??????"):
        with open(f"{directory}/pid") as file:
            if int(file.read()) == os.getpid():
                os.chmod(directory, 0o755)


def become(uid):
    share_wrapper()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def close_standard():
    for fd in range(3):
        os.close(fd)


def standard():
    return {"open": [fd for fd in range(3) if os.path.exists(f"/proc/self/fd/{fd}")]}


def possessions():
    """Open descriptors, mapped files, and how many mappings there are."""
    with open("/proc/self/maps") as file:
        lines = [line.split() for line in file]
    descriptors = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                   if os.path.exists(f"/proc/self/fd/{fd}")}
    return {"descriptors": descriptors, "mappings": len(lines),
            "files": sorted({line[5] for line in lines if len(line) > 5 and line[5][0] != "["})}


def rounds(service, user, value, count):
    """Run whole sessions, one after the other.  Return the codes of both calls, each pair once."""
    seen = set()
    for _ in range(count):
        s = Session(service, user, [value])
        seen.add((s.run("pam_authenticate", 0)["code"], s.run("pam_acct_mgmt", 0)["code"]))
        s.end()
    return seen


def loop(service, user, value, count):
    return {"codes": sorted(rounds(service, user, value, count))}


def threads(service, users, count):
    """Run a thread for each [user, value], which repeats sessions, all at once."""
    seen = [None] * len(users)

    def work(i):
        seen[i] = sorted(rounds(service, *users[i], count))
    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(users))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"codes": seen}


COMMANDS = (start, call, set_user, end, in_child, open_secret, wipe, chroot, become,
            close_standard, standard, possessions, loop, threads)


def main():
    commands = {command.__name__: command for command in COMMANDS}
    with open(int(sys.argv[1]), "r+b", buffering=0) as channel:
        for line in channel:
            request = json.loads(line)
            reply = commands[request.pop("do")](**request)
            channel.write(json.dumps(reply).encode() + b"\n")


if __name__ == "__main__":
    main()
