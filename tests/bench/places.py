"""Who answers: stacks of several settings, a bare nginx, peers. Each starts when a row needs it."""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import urllib.request

import links
import load
import meter
import peers
import servers
from stack import Stack, free_port, wait_for

TARGET = "https://example.com/a"
WARM_S = 2
# As many workers all the time, whatever the load.
FIXED = {"TERSE_REDIRECT_WORKERS_MAX": 1, "TERSE_API_WORKERS_MAX": 1}
# Stands in for terse-worker.
CONSTANT = """#!/bin/sh
case $TERSE_POOL in
redirect-*) exec {home}/constant "$@" ;;
esac
exec {home}/real-worker "$@"
"""


@dataclasses.dataclass(eq=False)
class Place:
    """link: an address that answers 302. home: the folder below which its processes work."""

    url: str
    link: str
    home: pathlib.Path
    parts: dict
    stack: Stack = None  # None: nothing counts clicks
    visits: int = 0  # that its clients counted


def new_link(stack):
    """The address of a new link, after a first visit."""
    request = urllib.request.Request(stack.url + "/urls", json.dumps({"original_url": TARGET}).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        url = f"{stack.url}/{json.load(reply)['short_code']}"
    if servers.status_of(url) != 302:
        raise SystemExit(f"{url} does not redirect")
    return url


@contextlib.contextmanager
def bare_nginx():
    """nginx, with as many processes as the stack's and nothing behind it."""
    port = free_port()
    with servers.home_new() as home, servers.nginx(home, port, f"return 302 {TARGET};"):
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: servers.status_of(url + "/abc") == 302)
        yield Place(url, url + "/abc", home, {".": "nginx"})


@contextlib.contextmanager
def peer(make):
    with make(TARGET) as (link, home, parts):
        yield Place(link.rsplit("/", 1)[0], link, home, parts)


@contextlib.contextmanager
def stack(count=0, **settings):
    """A stack with one link, or with that many more, all hot ones of them asked for."""
    with Stack(**FIXED, **settings) as started:
        if count:
            took = links.fill(started, count)
        place = Place(started.url, new_link(started), started.state, meter.PARTS, started)
        if count:
            load.zipf(place, 64, WARM_S)
            meter.drain(started)
        if count > links.HOT:
            print(f"{count:,} links were made in {took:.0f} s", flush=True)
        yield place


def build_constant(build, home):
    """Makes home a folder of programs whose workers for redirects are the constant ones."""
    for program in build.glob("terse*"):
        if program.is_file() and os.access(program, os.X_OK):
            shutil.copy(program, home)
    (home / "terse-worker").rename(home / "real-worker")
    shutil.copy(build / "tests/bench/constant", home)
    (home / "terse-worker").write_text(CONSTANT.format(home=home), encoding="utf-8")
    (home / "terse-worker").chmod(0o755)


@contextlib.contextmanager
def constant():
    """A stack with as many constant workers as others have redirect workers."""
    with servers.home_new() as home:
        build_constant(pathlib.Path(os.environ["TERSE_BUILD"]), home)
        with Stack(**FIXED, TERSE_BUILD=home) as started:
            yield Place(started.url, started.url + "/abc", started.state, meter.PARTS)


MAKERS = {
    "nginx": bare_nginx,
    "constant": constant,
    "lua": lambda: peer(peers.lua),
    "flask": lambda: peer(peers.flask),
    "l1": lambda: stack(links.HOT),
    "redis": lambda: stack(TERSE_L1_BYTES=0),
    "database": lambda: stack(TERSE_L1_BYTES=0, TERSE_REDIS_SOCKET=""),
    "many": lambda: stack(links.MANY),
}


class Places(contextlib.ExitStack):
    """The places of one run, by name; all end with it."""

    def __init__(self):
        super().__init__()
        self.started = {}

    def get(self, name):
        if name not in self.started:
            self.started[name] = self.enter_context(MAKERS[name]())
        return self.started[name]
