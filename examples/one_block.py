"""A list with one string: the whole page is one block."""

PAGE = b'Hello World!' * 100000


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'),
                              ('Content-Length', str(len(PAGE)))])
    return [PAGE]
