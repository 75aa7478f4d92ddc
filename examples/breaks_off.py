"""An application that raises an exception in the middle of its response: the client gets the
first half, with a status of 200. Content-Length says what it should have got.
"""


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '12')])
    yield b'Hello '
    raise RuntimeError('in the middle of a response')
