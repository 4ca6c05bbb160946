"""What a program of this directory is told, and says, as one line of JSON each: the test reads it."""

import json
import sys

URL = sys.argv[1]
READ_TIMEOUT_S = int(sys.argv[3]) / 1000


def token():
    return sys.argv[2]


def _say(**line):
    print(json.dumps(line), flush=True)


def connected():
    _say(kind="connected")


def handle(data, id):
    _say(kind="event", data=data, id=id)


def incomplete(data):
    _say(kind="incomplete", data=data)


def stop(reason):
    _say(kind="stopped", reason=str(reason))
