# The sandbox's process 1. It speaks with the server on stdin and stdout: a JSON object in a line, with "bytes": N
# followed by N raw bytes. What users write never runs here: it runs in a child of another uid, the kernel, which shares
# the imported libraries with this process by fork and can be killed and made anew in milliseconds, while the files stay.
import ast, errno, fcntl, json, os, resource, select, signal, stat, sys, time, traceback, linecache

INP, OUT = os.dup(0), os.dup(1)
DATA = "/mnt/data"
UID = 1000
CHUNK = 1 << 18
MAX_HEADER = 1 << 16


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def send(frame, data=b""):
    if data:
        frame["bytes"] = len(data)
    write_all(OUT, json.dumps(frame).encode() + b"\n" + data)


class Reader:
    """Frames of a file descriptor that this process trusts: the server."""

    def __init__(self, fd):
        self.fd, self.buf = fd, b""

    def line(self):
        while b"\n" not in self.buf:
            more = os.read(self.fd, 1 << 16)
            if not more:
                os._exit(0)  # the server is gone
            self.buf += more
        line, self.buf = self.buf.split(b"\n", 1)
        return json.loads(line)

    def raw(self, n, sink):
        while n:
            if not self.buf:
                self.buf = os.read(self.fd, 1 << 20)
                if not self.buf:
                    os._exit(0)
            piece, self.buf = self.buf[:n], self.buf[n:]
            n -= len(piece)
            sink(piece)

    def pending(self):
        return b"\n" in self.buf


# KERNEL


# --- files ----------------------------------------------------------------------------------------------------------

def open_inside(path, flags, make=False):
    """Opens a path below DATA, following no link in any part; makes the directories on the way. Returns the file descriptor."""
    parts = [p for p in path.split("/") if p]
    if not parts or any(p in (".", "..") for p in parts):
        raise OSError(errno.EINVAL, "not a path below %s" % DATA)
    at = os.open(DATA, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for part in parts[:-1]:
            made = False
            if make:
                try:
                    os.mkdir(part, 0o755, dir_fd=at)
                    made = True
                except FileExistsError:
                    pass
            if made and os.getuid() == 0:
                os.chown(part, UID, UID, dir_fd=at, follow_symlinks=False)
            inner = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        if make:
            try:
                os.unlink(parts[-1], dir_fd=at)
            except OSError:
                pass
        return os.open(parts[-1], flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644, dir_fd=at)
    finally:
        os.close(at)


def list_files(limit):
    """Regular files below DATA; links, devices, sockets and pipes are left out, so are names that are not UTF-8."""
    found, left = [], 0
    todo = [("", 0)]
    while todo:
        prefix, depth = todo.pop()
        try:
            fd = os.open(DATA + "/" + prefix, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            with os.scandir(fd) as entries:
                for e in entries:
                    if len(found) >= limit:
                        return found, left + 1
                    try:
                        if len((prefix + e.name).encode("utf-8")) > 512:
                            raise OSError(errno.ENAMETOOLONG, "too long")
                        st = os.stat(e.name, dir_fd=fd, follow_symlinks=False)
                    except (OSError, UnicodeError):
                        left += 1
                        continue
                    if stat.S_ISDIR(st.st_mode):
                        if depth < 8:
                            todo.append((prefix + e.name + "/", depth + 1))
                    elif stat.S_ISREG(st.st_mode) and st.st_nlink == 1:
                        found.append({"path": prefix + e.name, "size": st.st_size, "mtime": st.st_mtime_ns, "inode": st.st_ino})
                    else:
                        left += 1
        except OSError:
            pass
        finally:
            os.close(fd)
    return found, left


# --- the supervisor --------------------------------------------------------------------------------------------------

PIDS = "/sys/fs/cgroup/pids/code"


def used_memory():
    total = free = 0
    with open("/proc/meminfo") as f:
        for line in f:
            if line.startswith("MemTotal:"):
                total = int(line.split()[1])
            elif line.startswith("MemFree:"):
                free = int(line.split()[1])
                break
    return (total - free) << 10


def count_files():
    disk = os.statvfs(DATA)
    return disk.f_files - disk.f_ffree


def disk_used():
    """What files take; they lie in the sandbox's memory and have limits of their own."""
    used = 0
    for path in (DATA, "/tmp", "/dev/shm"):
        disk = os.statvfs(path)
        used += (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    return used


class Supervisor:
    def __init__(self, config):
        self.config = config
        self.server = Reader(INP)
        self.kernel = None  # pid, control, out
        self.running = None  # of the run that is going on: its limits and counts
        self.control = b""
        self.skip = 0
        self.base = 0

    def prepare(self):
        if self.config["inside"]:
            os.makedirs(PIDS, exist_ok=True)
            with open(PIDS + "/pids.max", "w") as f:
                f.write(str(self.config["pids"]))
        for module in self.config["warm"]:
            try:
                __import__(module)
            except ImportError:
                pass
        plt = sys.modules.get("matplotlib.pyplot")
        if plt and self.config["chart"]:
            # The first chart finds fonts and builds glyphs: once here, for all kernels.
            import io
            figure, axes = plt.subplots()
            axes.plot([0, 1])
            axes.set_title("a")
            figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")
            plt.close("all")
        import gc
        gc.collect()
        gc.freeze()
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *a: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self.fork()
        self.base = used_memory() - disk_used()
        send({"t": "ready"})

    def fork(self):
        if self.config["inside"]:
            os.chown(DATA, UID, UID)
            os.chmod(DATA, 0o755)  # what the code before may have changed
        self.control, self.skip = b"", 0
        self.kernel = start_kernel(self.config, sys.modules)

    def drop(self):
        """Kills every process of users' code; the kernel is made anew when it is needed."""
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if self.kernel:
            _, control, out = self.kernel
            self.drain()
            control.close()
            os.close(out)
            self.kernel = None
        # Their memory and their places among the processes are free when they are gone.
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            self.reap()
            if not any(p.isdigit() and p != "1" for p in os.listdir("/proc")):
                break
            time.sleep(0.005)

    def reap(self):
        """Takes every dead child, of which this process, as number 1, has more than it made. Reports whether the kernel is among them."""
        died = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if self.kernel and pid == self.kernel[0]:
                died = status
        return died

    def run(self, command):
        code = []
        self.server.raw(command["bytes"], code.append)
        if self.kernel is None:
            self.fork()
        now = time.monotonic()
        self.running = {"id": command["id"], "until": now + command["timeout"], "said": 0, "stopped": None, "images": 0, "next": now, "files": count_files(), "over": False}
        code = b"".join(code)
        data = json.dumps({"size": len(code)}).encode() + b"\n" + code
        control = self.kernel[1]
        deadline = now + 5
        while data:
            try:
                data = data[control.send(data):]
            except BlockingIOError:
                # A kernel that does not read was broken by what it ran before.
                if time.monotonic() > deadline:
                    self.finish("died", why="broken")
                    return
                self.read_out()
                time.sleep(0.001)
            except OSError:
                self.finish("died", why="broken")
                return

    def finish(self, end, **more):
        if end == "died":
            self.drop()
        elif self.kernel:
            self.drain()
        run, self.running = self.running, None
        send(dict({"t": end, "id": run["id"], "truncated": run["said"] > self.config["output"]}, **more))

    def say(self, data):
        run = self.running
        if run is None:
            return  # a thread or process left behind by an earlier run
        left = self.config["output"] - run["said"]
        run["said"] += len(data)
        if left > 0:
            send({"t": "text", "id": run["id"]}, data[:left])

    def read_out(self):
        try:
            data = os.read(self.kernel[2], CHUNK)
        except OSError:
            return False
        if data:
            self.say(data)
        return bool(data)

    def drain(self):
        # A pipe holds 64 KiB; more than a few of them after the end are of somebody who never stops.
        for _ in range(8):
            if not self.read_out():
                return

    def read_control(self):
        """Takes what the kernel says of its run. Users' code may write here too: nothing of it is believed beyond its own run."""
        try:
            data = self.kernel[1].recv(CHUNK)
        except OSError:
            return
        if not data:
            # Closed: it ended, or the code closed what it has from us.
            status = self.reap()
            deadline = time.monotonic() + 0.5
            while status is None and time.monotonic() < deadline:
                time.sleep(0.002)
                status = self.reap()
            return self.ended(status)
        self.control += data
        while self.kernel and self.control:
            if b"\n" not in self.control[:MAX_HEADER]:
                if len(self.control) >= MAX_HEADER:
                    self.broken()
                return
            line, rest = self.control.split(b"\n", 1)
            try:
                frame = json.loads(line)
                kind, size = frame["t"], int(frame.get("bytes", 0))
            except (ValueError, TypeError, KeyError, RecursionError):
                return self.broken()
            if kind == "image":
                if not 0 < size <= self.config["image_bytes"]:
                    return self.broken()
                if len(rest) < size:
                    return
                self.control = rest[size:]
                if self.running and self.running["images"] < self.config["images"]:
                    self.running["images"] += 1
                    self.drain()
                    send({"t": "image", "id": self.running["id"]}, rest[:size])
                try:
                    self.kernel[1].send(b"\n")
                except OSError:
                    pass
            elif kind == "done":
                self.control = rest
                if self.running:
                    stopped = self.running["stopped"]
                    self.finish("done", ok=frame.get("ok") is True and not stopped, why=stopped or "")
            else:
                return self.broken()

    def ended(self, status):
        """The kernel is gone, with a status, or with none when it lives and no longer speaks."""
        if not self.running:
            self.drop()
        elif status is None:
            self.finish("died", why="broken")
        else:
            self.finish("died", why="exit", status=os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status))

    def broken(self):
        if self.running:
            self.finish("died", why="broken")
        else:
            self.drop()

    def watch(self):
        """Ends a run that goes beyond its limits."""
        run, now = self.running, time.monotonic()
        if now < run["next"]:
            return
        run["next"] = now + 0.1
        # A run that found too many files there may take them away.
        if count_files() > max(self.config["files"], run["files"]):
            return self.finish("died", why="files")
        if self.config["inside"] and used_memory() - self.base - disk_used() > self.config["memory"]:
            # Twice in a row: what was killed before may still be giving its memory back.
            if run["over"]:
                return self.finish("died", why="memory")
            run["over"] = True
        else:
            run["over"] = False
        if now > run["until"] + 2:
            return self.finish("died", why=run["stopped"] or "timeout")
        if now > run["until"] and not run["stopped"]:
            self.interrupt("timeout")

    def interrupt(self, why):
        if self.running and not self.running["stopped"] and self.kernel:
            self.running["stopped"] = why
            self.running["until"] = min(self.running["until"], time.monotonic())
            try:
                os.kill(self.kernel[0], signal.SIGINT)
            except OSError:
                pass

    def put(self, command):
        left, error, fd = command["bytes"], "", -1
        try:
            fd = open_inside(command["path"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, make=True)
            if self.config["inside"]:
                os.fchown(fd, UID, UID)
        except OSError as e:
            error = e.strerror

        def sink(piece):
            nonlocal error
            if not error:
                try:
                    write_all(fd, piece)
                except OSError as e:
                    error = e.strerror

        self.server.raw(left, sink)
        entry = {}
        if fd >= 0:
            if error:
                os.ftruncate(fd, 0)
            else:
                st = os.fstat(fd)
                entry = {"path": command["path"], "size": st.st_size, "mtime": st.st_mtime_ns, "inode": st.st_ino}
            os.close(fd)
        send({"t": "put", "error": error, "file": entry})

    def get(self, command):
        try:
            fd = open_inside(command["path"], os.O_RDONLY)
        except OSError as e:
            return send({"t": "end", "error": e.strerror})
        try:
            st = os.fstat(fd)
            if not stat.S_ISREG(st.st_mode):
                return send({"t": "end", "error": "not a file"})
            left = min(command["limit"], st.st_size)
            while left > 0:
                data = os.read(fd, min(CHUNK, left))
                if not data:
                    break
                left -= len(data)
                send({"t": "piece"}, data)
            send({"t": "end", "error": ""})
        except OSError as e:
            send({"t": "end", "error": e.strerror})
        finally:
            os.close(fd)

    def command(self):
        c = self.server.line()
        op = c["op"]
        if op == "run":
            self.run(c)
        elif op == "interrupt":
            self.interrupt("cancelled")
        elif op == "put":
            self.put(c)
        elif op == "get":
            self.get(c)
        elif op == "list":
            files, left = list_files(c["limit"])
            # In pieces: one line is never long.
            for i in range(0, len(files), 20):
                send({"t": "files", "files": files[i:i + 20]})
            send({"t": "end", "error": "", "left": left})

    def loop(self):
        while True:
            fds = [INP, self.wake_read]
            if self.kernel:
                fds += [self.kernel[1].fileno(), self.kernel[2]]
            ready = [INP] if self.server.pending() else select.select(fds, [], [], 0.05 if self.running else 60)[0]
            if self.kernel and self.kernel[2] in ready:
                self.read_out()
            if self.kernel and self.kernel[1].fileno() in ready:
                self.read_control()
            if self.wake_read in ready:
                try:
                    os.read(self.wake_read, 4096)
                except OSError:
                    pass
            died = self.reap()
            if died is not None and self.kernel:
                self.ended(died)
            if self.running:
                self.watch()
            if INP in ready:
                self.command()


def main():
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(s, signal.SIG_IGN)
    boot = Reader(INP)
    config = boot.line()
    os.environ.update(config["env"])
    supervisor = Supervisor(config)
    supervisor.server = boot
    supervisor.prepare()
    supervisor.loop()


main()
