"""A string returned as an iterable: each of its characters is a block of its own.

`return page` was enough for that in Python 2, where a string is an iterable of strings.
A server for Python 3 that takes text does it with a str; this is the same for all servers.
"""

PAGE = b'Hello World!' * 100000


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'),
                              ('Content-Length', str(len(PAGE)))])
    return (PAGE[i:i + 1] for i in range(len(PAGE)))
