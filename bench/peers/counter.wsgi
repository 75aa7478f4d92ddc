"""The play counter as a pure WSGI application: one process, one dictionary.

The same requests and answers as mod_playcount's text form. The counts live in
the process, so every server runs it in exactly one; the lock is for servers
that run it in several threads.
"""
import threading
from urllib.parse import parse_qs

counts = {}
lock = threading.Lock()


def add(song, by):
    with lock:
        count = counts.get(song, 0) + by
        counts[song] = count
    return count


def add_batch(body):
    plays = [entry.rsplit("=", 1) for entry in body.replace("\n", ",").split(",")]
    plays = [(song, int(by)) for song, by in plays]
    answer = []
    with lock:
        for song, by in plays:
            count = counts[song] = counts.get(song, 0) + by
            answer.append("%s=%d" % (song, count))
    return ",".join(answer)


def listing():
    with lock:
        songs = list(counts.items())
    return ",".join(["%s=%d" % song for song in songs])


def answer(environ):
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if path.startswith("/song/"):
        song = path[6:]
        if method == "GET":
            return "200 OK", str(counts.get(song, 0))
        if method == "POST":
            query = environ.get("QUERY_STRING")
            by = int(parse_qs(query)["by"][0]) if query else 1
            return "200 OK", str(add(song, by))
    elif path == "/":
        if method == "GET":
            return "200 OK", listing()
        if method == "DELETE":
            with lock:
                counts.clear()
            return "200 OK", "OK"
    elif path == "/songs":
        if method == "POST":
            length = int(environ.get("CONTENT_LENGTH") or 0)
            return "200 OK", add_batch(environ["wsgi.input"].read(length).decode())
    else:
        return "404 Not Found", "Not Found"
    return "405 Method Not Allowed", "Method Not Allowed"


def application(environ, start_response):
    status, text = answer(environ)
    body = text.encode()
    start_response(status, [("Content-Type", "text/plain"),
                            ("Content-Length", str(len(body))),
                            ("Cache-Control", "no-store")])
    return [body]
