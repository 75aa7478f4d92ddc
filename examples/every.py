"""All examples in one application, each below its name: for servers that run one, as
gunicorn --chdir examples every:application
"""

import importlib

NAMES = ('characters', 'one_block', 'two_words', 'file_blocks', 'breaks_off', 'with_write')


def application(environ, start_response):
    name = environ['PATH_INFO'].strip('/')
    if name in NAMES:
        return importlib.import_module(name).application(environ, start_response)
    start_response('404 Not Found', [('Content-Type', 'text/plain')])
    return [b'/' + name.encode() + b'\n' for name in NAMES]
