"""A shortener's redirect as it is usually written in Flask; gunicorn serves it."""

import uuid

import flask
import redis

STREAM_MAX = 1_000_000


def make_app(socket):
    app = flask.Flask("peer")
    store = redis.Redis(unix_socket_path=socket)

    @app.get("/<code>")
    def follow(code):
        target = store.get(code)
        if target is None:
            return {"error": "there is nothing here"}, 404
        store.xadd("clicks", {
            "id": uuid.uuid4().hex, "code": code, "agent": flask.request.headers.get("User-Agent", ""),
            "referrer": flask.request.headers.get("Referer", ""), "client": flask.request.remote_addr,
        }, maxlen=STREAM_MAX, approximate=True)
        return flask.redirect(target.decode(), 302)

    return app
