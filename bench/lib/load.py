"""Drives the load client (bench/load) and knows the requests."""
import json
import os
import subprocess
import tempfile

from . import place
from .server import prepare_process

ID = "@" * 16  # the load client writes a song's id here: "song" and 12 digits


def song(number):
    """The id of a song as the load client writes it."""
    return "song%012d" % number


def http(method, path, body=None, content_type="text/plain"):
    """One request. A POST always says how long its body is."""
    head = "%s %s HTTP/1.1\r\nHost: localhost\r\n" % (method, path)
    if body is not None:
        head += "Content-Type: %s\r\n" % content_type
    if method == "POST":
        head += "Content-Length: %d\r\n" % len(body or "")
    return (head + "\r\n" + (body or "")).encode()


def redis(*words):
    """One command in RESP."""
    return "".join(["*%d\r\n" % len(words)] +
                   ["$%d\r\n%s\r\n" % (len(w), w) for w in words]).encode()


class Sample:
    """What one run of the load client gave; `cpu` is the server's within it."""

    def __init__(self, said, cpu):
        self.answers = said["answers"]
        self.late = said["late"]
        self.seconds = said["seconds"]
        self.bytes = said["bytes"]
        self.ids = said["ids"]
        self.latency = said["latency_us"]
        self.versus_answers = said["versus_answers"]
        self.versus_seconds = said["versus_seconds"]
        self.cpu_seconds = said["cpu_seconds"]
        self.versus_cpu_seconds = said["versus_cpu_seconds"]
        self.idle_open = said["idle_open"]
        self.slow_good = said["slow_good"]
        self.reconnects = said["reconnects"]
        self.errors = {k: v for k, v in said["errors"].items() if v}
        self.cpu = cpu

    @property
    def failed(self):
        return sum(self.errors.values())

    @property
    def rate(self):
        return self.answers / self.seconds if self.seconds else 0

    @property
    def versus_rate(self):
        return self.versus_answers / self.versus_seconds if self.versus_seconds else 0

    @property
    def cpu_each(self):
        """Server CPU seconds per answer."""
        return self.cpu / self.answers if self.answers else float("nan")


class Load:
    """One run under way. Options are those of the load client, with _ for -."""

    def __init__(self, port, request, server=None, cores=None, versus=None, **options):
        self.server = server
        self.files = []
        command = [place.LOAD, "--port", str(port), "--request", self._file(request)]
        if versus:
            command += ["--versus", self._file(versus)]
            # A server that is a little slower finds its client asleep more often, and
            # waking the other processor costs it more than what is to be measured.
            if place.LOAD_ALONE:
                command.append("--awake")
            for pid in server.pids() if server else []:
                command += ["--cpu-of", str(pid)]
        for name, value in options.items():
            if value is not None and value is not False:
                command.append("--" + name.replace("_", "-"))
                if value is not True:
                    command.append(str(value))
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True,
            preexec_fn=prepare_process(cores or place.LOAD_CORES))

    def finish(self):
        pids = self.server.pids() if self.server else None
        self._expect("start")
        before = self.server.cpu(pids) if self.server else 0
        self._expect("stop")
        after = self.server.cpu(pids) if self.server else 0
        rest = self.process.stdout.read()
        self.process.wait()
        for file in self.files:
            file.close()
        return Sample(json.loads(rest), after - before)

    def _file(self, request):
        file = tempfile.NamedTemporaryFile(prefix="playcount-bench-")
        file.write(request)
        file.flush()
        self.files.append(file)
        return file.name

    def _expect(self, word):
        line = self.process.stdout.readline().strip()
        if line != word:
            raise RuntimeError("load: %r instead of %r" % (line, word))


def load(port, request, **options):
    return Load(port, request, **options).finish()
