"""A file in blocks of 128 bytes. --document-root files serves the same file as one block."""

import os

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'files', 'lines.txt')


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'),
                              ('Content-Length', str(os.path.getsize(FILE)))])
    with open(FILE, 'rb') as file:
        while block := file.read(128):
            yield block
