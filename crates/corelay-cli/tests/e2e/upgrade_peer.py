#!/usr/bin/python3
# The other side of an upgrade, by hand: one half of docs/upgrade.md, for tests of what the real half does.

import array
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

KINDS = ["idle", "again", "head", "close", "linger", "output"]


class Line:
    """Messages with descriptors and bytes beside them."""

    def __init__(self, sock):
        self.sock, self.descriptors = sock, []

    def fill(self, count):
        data = b""
        while len(data) < count:
            part, ancillary, _, _ = self.sock.recvmsg(count - len(data), socket.CMSG_SPACE(64 * 4))
            for _, _, fds in ancillary:
                received = array.array("i")
                received.frombytes(fds)
                self.descriptors += received
            if not part:
                sys.exit(4)
            data += part
        return data

    def receive(self):
        descriptors, text, beside = struct.unpack("<III", self.fill(12))
        message, data = json.loads(self.fill(text)), self.fill(beside)
        came = self.descriptors[:descriptors]
        del self.descriptors[:descriptors]
        return message, came, data

    def receive_until(self, wanted):
        while True:
            message, came, _ = self.receive()
            if message["message"] == wanted:
                return message, came

    def say(self, message, descriptors=(), data=b"", **fields):
        text = json.dumps({"message": message, **fields}).encode()
        frame = struct.pack("<III", len(descriptors), len(text), len(data)) + text + data
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        sent = self.sock.sendmsg([frame], rights)
        if frame[sent:]:
            self.sock.sendall(frame[sent:])


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def hang():
    time.sleep(3600)


def new_process():
    """As the process that was started to replace another one."""
    return Line(socket.socket(fileno=0))


def ready(line, listeners=(0,), kinds=KINDS, format=1):
    line.receive_until("hello")
    line.say("ready", format=format, version="test", listeners=list(listeners), kinds=kinds)


def listening(line, **fields):
    ready(line, **fields)
    line.receive_until("go")
    line.say("listening")


def take(line):
    """Takes over one batch."""
    moved, _ = line.receive_until("move")
    line.say("have", ids=[moving["id"] for moving in moved["connections"]])
    return line.receive_until("commit")


def old_process(binary, flags):
    """As the process that is to be replaced by one that runs `binary serve`."""
    ours, theirs = socket.socketpair()
    command = [binary, "serve", *flags, "--listen", "127.0.0.1:0", "--log", "off"]
    environment = {**os.environ, "CORELAY_PREDECESSOR": str(os.getpid())}
    child = subprocess.Popen(command, stdin=theirs, env=environment)
    theirs.close()
    line = Line(ours)
    line.say("hello", format=1, version="test", upgrades=1, listeners=[])
    line.receive_until("ready")
    return line, child


def idle(id, **fields):
    return {"id": id, "state": {"peer": None, "due_ms": 60000, "then": "idle", "input_bytes": 0, "output_bytes": 0, **fields}}
