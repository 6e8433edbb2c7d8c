"""Programs beside the stacks: each works in a folder of its own and never outlives the benchmark."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile


@contextlib.contextmanager
def home_new():
    """A folder under /tmp that others may look into: servers have users of their own."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def program(argv, home):
    """Runs argv, which works in the folder home (made if need be), until the end of the block."""
    home.mkdir(exist_ok=True)
    server = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *argv], cwd=home, stdout=subprocess.DEVNULL,
                              env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
    try:
        yield server
    finally:
        server.terminate()
        server.wait(10)


def status_of(url):
    """The status of one GET; 0: nobody answers."""
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url],
                          capture_output=True, text=True, check=False)
    return int(done.stdout)


NGINX_CONF = """
daemon off; worker_processes auto; pid nginx.pid; error_log error.log;
worker_rlimit_nofile 16384;
{modules}
events {{ worker_connections 8192; multi_accept on; }}
http {{
    access_log off; server_tokens off; keepalive_requests 10000;
    client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    {settings}
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ {answer} }} }}
}}
"""


@contextlib.contextmanager
def nginx(home, port, answer, settings="", modules=""):
    """nginx with as many processes as a stack's, one location, and neither log nor metrics."""
    home.mkdir(exist_ok=True)
    (home / "nginx.conf").write_text(
        NGINX_CONF.format(port=port, answer=answer, settings=settings, modules=modules), encoding="utf-8")
    with program(["nginx", "-e", "error.log", "-p", home, "-c", "nginx.conf"], home):
        yield
