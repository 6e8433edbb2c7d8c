"""What a stack holds while a load runs: connections, memory, descriptors."""

import os
import pathlib
import threading

import meter

EVERY_S = 0.5
ESTABLISHED = "01"


def connections(port):
    """Connections that clients have open to a port of this machine."""
    suffix = f":{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as rows:
        return sum(1 for row in map(str.split, rows) if row[1].endswith(suffix) and row[3] == ESTABLISHED)


def syns_lost():
    """Requests for a connection, to any port of this machine, that found a full backlog so far."""
    with open("/proc/net/netstat", encoding="ascii") as lines:
        names, values = [line.split() for line in lines if line.startswith("TcpExt:")]
    return int(values[names.index("ListenDrops")])


def held(home):
    """{pid: (part, KiB of its own, open files)} of the processes at home in a folder."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            folder = pathlib.Path(os.readlink(entry / "cwd")).relative_to(home)
            found[entry.name] = (meter.PARTS.get(str(folder), meter.OTHER), meter.private_kib(entry.name),
                                 len(os.listdir(entry / "fd")))
        except (OSError, ValueError):
            continue  # it has ended, or is at home elsewhere
    return found


class Watch:
    """Samples until its `with` ends. peak: most connections at once; syns_lost: since it began."""

    def __init__(self, stack, warm_s):
        self.stack, self.warm_s = stack, warm_s
        self.peak, self.warm, self.end = 0, None, None
        self.syns_lost = -syns_lost()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.sample)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.syns_lost += syns_lost()

    def sample(self):
        samples = 0
        while not self.over.wait(EVERY_S):
            samples += 1
            self.peak = max(self.peak, connections(self.stack.port))
            if self.warm is None and samples * EVERY_S >= self.warm_s:
                self.warm = held(self.stack.state)
        self.end = held(self.stack.state)
        self.warm = self.warm or self.end

    def memory(self):
        """{part: figures} at the end; *_grown: by how much the one process that grew most did so
        since the first warm_s were over."""
        found = {}
        for pid, (part, kib, files) in self.end.items():
            _, kib_then, files_then = self.warm.get(pid, (part, kib, files))
            was = found.setdefault(part, dict.fromkeys(("processes", "kib", "files", "kib_grown", "files_grown"), 0))
            found[part] = {
                "processes": was["processes"] + 1, "kib": was["kib"] + kib, "files": was["files"] + files,
                "kib_grown": max(was["kib_grown"], kib - kib_then),
                "files_grown": max(was["files_grown"], files - files_then)}
        return found
