"""A server under test: started on loopback, watched and stopped by its process
ids, with a state directory of its own."""
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from . import place

# Told to end, a benchmark stops its servers first.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def prepare_process(cores):
    def prepare():
        os.sched_setaffinity(0, cores)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return prepare


def fill(template, values):
    """Replace every @NAME@ in a text."""
    for name, value in values.items():
        template = template.replace("@%s@" % name, str(value))
    return template


class Server:
    """`command` is a list in which @PORT@, @DIR@ and the `values` are
    replaced; so are they in `files`, {name below @DIR@: its text}."""

    def __init__(self, name, command, files=None, values=None, cores=None,
                 behind=None):
        self.name = name
        self.behind = behind  # a server it needs, started and counted with it
        self.port = place.free_port()
        self.directory = tempfile.mkdtemp(prefix="playcount-bench-%s-" % name)
        os.chmod(self.directory, 0o755)
        self.values = {"PORT": self.port, "DIR": self.directory,
                       "BENCH": place.BENCH, "BACKLOG": place.backlog(),
                       "USER": "",
                       "MODULES": place.modules_directory(), **(values or {})}
        for file, text in (files or {}).items():
            path = os.path.join(self.directory, file)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(fill(text, self.values))
        self.command = [fill(c, self.values) for c in command]
        self.cores = cores or place.SERVER_CORES
        self.process = None

    def start(self, patience=15):
        if self.behind:
            self.behind.start()
        with open(os.path.join(self.directory, "output"), "ab") as output:
            self.process = subprocess.Popen(
                self.command, cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
                preexec_fn=prepare_process(self.cores))
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        said = self.said()
        self.stop()
        raise RuntimeError("%s does not start: %s" % (self.name, said))

    def said(self):
        text = ""
        for file in ("output", "error.log"):
            try:
                with open(os.path.join(self.directory, file)) as f:
                    text += f.read()[-600:]
            except OSError:
                pass
        return text

    def pids(self):
        """The started process and all below it."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open("/proc/%s/stat" % entry) as f:
                        fields = f.read().rsplit(")", 1)[1].split()
                    parents[int(entry)] = int(fields[1])
                except OSError:
                    pass
        family, found = {self.process.pid}, 0
        while len(family) != found:
            found = len(family)
            family |= {pid for pid, parent in parents.items() if parent in family}
        behind = self.behind.pids() if self.behind else []
        return sorted(family & set(parents)) + behind

    def cpu(self, pids=None):
        """CPU seconds (user and system) of all threads so far."""
        total = 0
        for pid in pids or self.pids():
            try:
                for task in os.listdir("/proc/%d/task" % pid):
                    with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
                        total += int(f.read().split()[0])
            except OSError:
                pass
        return total / 1e9

    def memory(self):
        """Resident bytes, what is shared counted once (Pss)."""
        total = 0
        for pid in self.pids():
            try:
                with open("/proc/%d/smaps_rollup" % pid) as f:
                    for line in f:
                        if line.startswith("Pss:"):
                            total += int(line.split()[1]) * 1024
            except OSError:
                pass
        return total

    def stop(self):
        pids = self.pids() if self.process else []
        if self.behind:
            self.behind.stop()
        if self.process:
            self._stop(pids)
        self.process = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def _stop(self, pids):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in pids:
            if pid == self.process.pid:
                continue
            try:
                with open("/proc/%d/stat" % pid) as f:
                    session = int(f.read().rsplit(")", 1)[1].split()[3])
                if session == self.process.pid:
                    os.kill(pid, signal.SIGKILL)
            except (OSError, ProcessLookupError):
                pass

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
