"""Who takes part: httpd's floor, a static file, mod_playcount and its peers."""
import os
import re
import shutil
import socket

from . import place
from .httpd import FLOOR, PLAYCOUNT, httpd
from .load import ID, http, redis
from .server import Server

BATCH = 1000


def pairs(by=1):
    return ",".join(["%s=%d" % (ID, by)] * BATCH)


class Contestant:
    """A server and how it is asked: raw requests, None for what it cannot do."""

    filler = None  # who is asked to fill it, if not this one

    def __init__(self, name, server, get=None, post=None, batch=None, listing=None,
                 without=()):
        self.name, self.server = name, server
        self.requests = {"get": get, "post": post, "batch": batch, "listing": listing}
        self.without = without  # works that are beyond it by its nature

    def __str__(self):
        return self.name

    def options(self, request):
        """What the load client must know to ask for this."""
        return {}

    def count(self, song):
        """Ask for one count, to check what the load client was told."""
        request = self.requests["get"].replace(ID.encode(), song.encode())
        with socket.create_connection(("127.0.0.1", self.server.port), 10) as s:
            s.sendall(request)
            said = b""
            while True:
                said += s.recv(65536)
                number = self.number(said)
                if number is not None:
                    return number

    @staticmethod
    def number(said):
        head, end, body = said.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not end or not length or len(body) < int(length[1]):
            return None
        found = re.search(rb"(\d+)", body)
        return int(found[1]) if found else 0


class Redis(Contestant):
    def options(self, request):
        return {"redis": BATCH if request == "batch" else 1}

    @staticmethod
    def number(said):
        if said == b"$-1\r\n":
            return 0
        found = re.fullmatch(rb"\$\d+\r\n(\d+)\r\n", said)
        return int(found[1]) if found else None


def counter(name, server, prefix="", without=()):
    """One with the HTTP interface of mod_playcount."""
    return Contestant(
        name, server, get=http("GET", prefix + "/song/" + ID),
        post=http("POST", prefix + "/song/" + ID),
        batch=http("POST", prefix + "/songs", pairs()),
        listing=http("GET", prefix + "/"), without=without)


def floor(name, server, without=()):
    return Contestant(name, server, get=http("GET", "/floor/song/" + ID),
                      post=http("POST", "/floor/song/" + ID), without=without)


def config(name):
    with open(os.path.join(place.BENCH, "peers", name)) as f:
        return f.read()


def redis_server(name="redis"):
    return Server(name, ["redis-server", "@DIR@/redis.conf"],
                  {"redis.conf": config("redis.conf")})


def direct(name, server):
    return Redis(name, server, get=redis("HGET", "songs", ID),
                 post=redis("HINCRBY", "songs", ID, "1"),
                 batch=redis("HINCRBY", "songs", ID, "1") * BATCH,
                 listing=redis("HGETALL", "songs"))


def gunicorn(worker):
    return Server("gunicorn-" + worker,
                  ["gunicorn", "-c", "@DIR@/gunicorn.py", "--pythonpath",
                   "@DIR@", "counter:application"],
                  {"gunicorn.py": config("gunicorn.py"),
                   "counter.py": config("counter.wsgi")}, {"WORKER": worker})


def webdis():
    behind = redis_server("webdis-redis")
    return Server("webdis", ["webdis", "@DIR@/webdis.json"],
                  {"webdis.json": config("webdis.json")}, {"REDIS": behind.port},
                  behind=behind)


def nginx():
    user = "user www-data;" if os.geteuid() == 0 else ""
    return Server("nginx", ["nginx", "-c", "@DIR@/nginx.conf"],
                  {"nginx.conf": config("nginx.conf")}, {"USER": user})


# A thread for each connection cannot hold ten thousand of them.
WORKER_LIMIT = ("idle",)
# Its HTTP router drops what comes behind the first request.
ROUTER_LIMIT = ("pipelined",)
# It closes every connection after one answer, as its manual says.
SYNC_LIMIT = ("pipelined", "idle")


def httpd_contestants():
    # As many threads as connections that ask at once: httpd closes idle connections
    # when all threads are busy.
    event = httpd("httpd-event", "event", FLOOR + PLAYCOUNT + config("static.conf"),
                  files={"htdocs/count.txt": "1000000"}, threads=1056)
    lane = httpd("httpd-lane", "event", PLAYCOUNT + "PlaycountLane On\n", threads=1056)
    worker = httpd("httpd-worker", "worker", FLOOR + PLAYCOUNT, threads=1056)
    return [
        floor("floor (event)", event),
        floor("floor (worker)", worker, WORKER_LIMIT),
        Contestant("static file (event)", event, get=http("GET", "/count.txt"),
                   without=("million",)),
        counter("mod_playcount (lane)", lane, "/plays"),
        counter("mod_playcount (event)", event, "/plays"),
        counter("mod_playcount (worker)", worker, "/plays", WORKER_LIMIT),
    ]


def peer_contestants():
    over_http = Contestant("webdis", webdis(), get=http("GET", "/HGET/songs/" + ID),
                           post=http("POST", "/", "HINCRBY/songs/%s/1" % ID),
                           listing=http("GET", "/HGETALL/songs"))
    over_http.filler = direct("webdis", over_http.server.behind)
    return [
        counter("nginx + lua", nginx()),
        direct("Redis", redis_server()),
        over_http,
        counter("WSGI: mod_wsgi", httpd("mod_wsgi", "event", config("mod_wsgi.conf"),
                                        threads=1056)),
        counter("WSGI: uWSGI", Server("uwsgi", ["uwsgi", "@DIR@/uwsgi.ini"],
                                      {"uwsgi.ini": config("uwsgi.ini")}),
                without=ROUTER_LIMIT),
        counter("WSGI: gunicorn gevent", gunicorn("gevent")),
        counter("WSGI: gunicorn sync", gunicorn("sync"), without=SYNC_LIMIT),
    ]


# What a reader of the results should know.
NOTES = """\
Everybody has one core. httpd has one process with as many threads as there are
connections that ask; nginx and webdis have one worker; the WSGI application
keeps its counts in its process, so each server runs it in one. Redis and webdis
write nothing to disk, and mod_playcount's zone is in memory. Redis is asked in
its own protocol: HINCRBY, HGET and HGETALL of one hash, a batch being 1,000 commands
in one write. webdis has no batches. A listing is in the order of first plays
in mod_playcount and the WSGI application, in none in nginx and Redis.

gunicorn's sync worker closes each connection after one answer, so every request
opens a new one. uWSGI's HTTP router and webdis write an answer in pieces and
leave Nagle's algorithm on, so longer or pipelined answers wait for the client's
delayed acknowledgement, 40 ms: there the CPU time tells more than the speed.
uWSGI's router drops pipelined requests. Connections that a server closes on
its own while they are used count as failed requests."""

PROGRAMS = ("nginx", "redis-server", "webdis", "uwsgi", "gunicorn")
PACKAGES = ("apache2-bin", "nginx-light", "libnginx-mod-http-lua", "redis-server",
            "webdis", "uwsgi-core", "gunicorn", "python3-gevent",
            "libapache2-mod-wsgi-py3", "python3")


def missing():
    """Those of the peers' programs that are not installed."""
    return [p for p in PROGRAMS
            if not shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin")]
