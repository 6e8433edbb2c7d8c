"""What others build a shortener from, with Debian's packages (ci/bootstrap bench).

Each looks the code up in Redis and appends the click to a stream there, as terse's clicks are
stored, and answers. Nothing else: no log, no metrics, nothing survives the end of Redis.
"""

import contextlib
import pathlib
import subprocess

import servers
from stack import free_port, wait_for

HERE = pathlib.Path(__file__).resolve().parent
CODE = "abc1234"
STREAM_MAX = 1_000_000
REDIS = ["redis-server", "--port", "0", "--unixsocketperm", "777", "--save", "", "--appendonly", "no"]
LUA_MODULES = """
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
"""
LUA_SETTINGS = 'lua_package_path "/usr/share/lua/5.1/?.lua;;";'
LUA_ANSWER = """
content_by_lua_block {{
    local redis = require "nginx.redis"
    local red = redis:new()
    local ok = red:connect("unix:{socket}")
    if not ok then
        return ngx.exit(503)
    end
    local code = ngx.var.uri:sub(2)
    local target = red:get(code)
    if target and target ~= ngx.null then
        red:xadd("clicks", "MAXLEN", "~", "{stream_max}", "*", "id", ngx.var.request_id, "code", code,
            "agent", ngx.var.http_user_agent or "", "referrer", ngx.var.http_referer or "",
            "client", ngx.var.remote_addr)
    end
    red:set_keepalive(60000, 256)
    if not target then
        return ngx.exit(503)
    elseif target == ngx.null then
        return ngx.exit(404)
    end
    return ngx.redirect(target, 302)
}}
"""


@contextlib.contextmanager
def redis(home, target):
    """Redis with one link; its socket's path."""
    socket = home / "redis.sock"
    with servers.program([*REDIS, "--unixsocket", str(socket)], home / "redis"):
        wait_for(socket.exists)
        subprocess.run(["redis-cli", "-s", socket, "SET", CODE, target], check=True, stdout=subprocess.DEVNULL)
        yield socket


@contextlib.contextmanager
def lua(target):
    """nginx + Lua + Redis: (address of the link, home, parts)."""
    port = free_port()
    with servers.home_new() as home, redis(home, target) as socket:
        answer = LUA_ANSWER.format(socket=socket, stream_max=STREAM_MAX)
        with servers.nginx(home / "nginx", port, answer, LUA_SETTINGS, LUA_MODULES):
            url = f"http://127.0.0.1:{port}/{CODE}"
            wait_for(lambda: servers.status_of(url) == 302)
            yield url, home, {"nginx": "nginx", "redis": "Redis"}


@contextlib.contextmanager
def flask(target):
    """Flask + gunicorn (2 processes of 2 threads) + Redis: (address of the link, home, parts)."""
    port = free_port()
    with servers.home_new() as home, redis(home, target) as socket:
        argv = ["gunicorn", "--workers", "2", "--threads", "2", "--bind", f"127.0.0.1:{port}", "--backlog", "4096",
                "--log-level", "warning", "--pythonpath", str(HERE), f"peer_flask:make_app('{socket}')"]
        with servers.program(argv, home / "flask"):
            url = f"http://127.0.0.1:{port}/{CODE}"
            wait_for(lambda: servers.status_of(url) == 302)
            yield url, home, {"flask": "gunicorn", "redis": "Redis"}
