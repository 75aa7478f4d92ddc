"""A generator that sleeps between two words: the first is sent before the second is there."""

import time


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    yield b'Hello '
    time.sleep(0.1)
    yield b'World!'
