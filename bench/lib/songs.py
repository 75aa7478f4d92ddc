"""Songs for mod_playcount, over HTTP."""
from .load import ID, http, load

BATCH = 1000


def batch(count=BATCH, by=1):
    """The body of a batch that the load client fills with ids."""
    return ",".join(["%s=%d" % (ID, by)] * count)


def fill(server, root, songs, by=1):
    """Every one of these songs gets `by` plays."""
    sample = load(server.port, http("POST", root + "/songs", batch(by=by)),
                  connections=2, seconds=600, songs=songs, in_turn=True, wait=30)
    if sample.failed:
        raise SystemExit("bench: the songs were not taken: %s\n%s" % (
            sample.errors, server.said()))
