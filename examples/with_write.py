"""The function write() that start_response() returns: each call is a block."""


def application(environ, start_response):
    write = start_response('200 OK', [('Content-Type', 'text/plain'),
                                      ('Content-Length', '12')])
    write(b'Hello ')
    write(b'World!')
    return []
