"""What tests take from npm, of the versions that tests/web/package-lock.json pins."""

import hashlib
import os
import pathlib
import shutil
import subprocess

from stack import TOP

WEB = TOP / "tests/web"
CACHE = pathlib.Path(os.environ.get("TERSE_CACHE", f"/var/tmp/terse-build-{os.geteuid()}"))


def modules():
    """The folder node_modules, installed once into the cache."""
    version = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()[:12]
    done, work = CACHE / f"npm-{version}", CACHE / f"npm-{version}.{os.getpid()}"
    if not done.exists():
        work.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(WEB / name, work)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=work, check=True)
        work.rename(done)
    return done / "node_modules"
