"""A private PostgreSQL, on a Unix socket in a directory of its own."""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

TABLES = """
CREATE TABLE playcount (song text PRIMARY KEY, plays bigint NOT NULL)
    WITH (fillfactor = 50);
CREATE TABLE playcount_handoff (node text, zone text, batch bigint NOT NULL,
                                PRIMARY KEY (node, zone));
"""


def program(name):
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + name))
    path = found[-1] if found else shutil.which(name)
    if not path:
        raise SystemExit("bench: no %s; install postgresql" % name)
    return path


class Postgres:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="playcount-bench-postgres-")
        os.chmod(self.directory, 0o755)
        self.user = None
        if os.geteuid() == 0:
            self.user = pwd.getpwnam("postgres")
            os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        self.data = os.path.join(self.directory, "data")
        self._spawn("initdb", "-D", self.data, "-U", "playcount", "-A", "trust",
                    "-E", "UTF8", "--no-locale", "--no-sync").wait()
        self.process = self._spawn("postgres", "-D", self.data, "-k", self.directory,
                                   "-c", "listen_addresses=")
        end = time.monotonic() + 30
        while self._psql("SELECT 1").returncode:
            if time.monotonic() > end:
                raise RuntimeError("PostgreSQL does not start")
            time.sleep(0.1)
        self.query(TABLES)

    def _spawn(self, name, *arguments):
        def prepare():
            if self.user:
                os.setgid(self.user.pw_gid)
                os.setgroups([])
                os.setuid(self.user.pw_uid)
        with open(os.path.join(self.directory, name + ".log"), "ab") as log:
            return subprocess.Popen([program(name), *arguments], cwd=self.directory,
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    start_new_session=True, preexec_fn=prepare)

    def _psql(self, sql):
        return subprocess.run(
            [program("psql"), "-h", self.directory, "-U", "playcount", "-d", "postgres",
             "-XAtqc", sql], capture_output=True, text=True, check=False)

    def query(self, sql):
        done = self._psql(sql)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def directives(self):
        return ('DBDriver pgsql\nDBDPersist Off\n'
                'DBDParams "host=%s user=playcount dbname=postgres"\n' % self.directory)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
