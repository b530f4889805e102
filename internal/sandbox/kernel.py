# The part of the driver that becomes the process of users' code: host_linux.go puts it into driver.py at the line KERNEL.
# --- the kernel: the child in which users' code runs ---------------------------------------------------------------

class Kernel:
    def __init__(self, control, images, image_bytes):
        self.control, self.images, self.image_bytes = control, images, image_bytes
        self.count = 0
        self.sent = 0
        self.space = {"__name__": "__main__", "__builtins__": __builtins__, "display": self.display}

    def tell(self, frame, data=b""):
        if data:
            frame["bytes"] = len(data)
        write_all(self.control, json.dumps(frame).encode() + b"\n" + data)

    def image(self, data):
        if self.sent >= self.images:
            if self.sent == self.images:
                print("[further images of this run are left out: at most %d]" % self.images)
            self.sent += 1
            return
        if len(data) > self.image_bytes:
            print("[an image of %d bytes is left out: larger than %d; save it to /mnt/data instead]" % (len(data), self.image_bytes))
            return
        sys.stdout.flush()
        self.sent += 1
        self.tell({"t": "image"}, data)
        os.read(self.control, 1)  # what is printed next comes behind the image: it has been taken

    def figures(self, *args, **kwargs):
        plt = sys.modules.get("matplotlib.pyplot")
        if plt is None:
            return
        import io
        for number in plt.get_fignums():
            figure = plt.figure(number)
            out = io.BytesIO()
            figure.savefig(out, format="png", bbox_inches="tight")
            plt.close(figure)
            self.image(out.getvalue())

    def display(self, *values):
        for value in values:
            if value is None:
                continue
            pil = sys.modules.get("PIL.Image")
            fig = sys.modules.get("matplotlib.figure")
            if pil and isinstance(value, pil.Image):
                import io
                out = io.BytesIO()
                value.save(out, format="png")
                self.image(out.getvalue())
            elif fig and isinstance(value, fig.Figure):
                if getattr(value, "number", None) in sys.modules["matplotlib.pyplot"].get_fignums():
                    continue  # is shown at the end with the others
                import io
                out = io.BytesIO()
                value.savefig(out, format="png", bbox_inches="tight")
                self.image(out.getvalue())
            else:
                print(repr(value))

    def shell(self, command):
        import subprocess
        done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print(done.stdout.decode(errors="replace"), end="")

    def parse(self, code, name):
        try:
            return ast.parse(code, name)
        except SyntaxError:
            # What notebooks know besides Python: lines that begin with ! are for the shell, with % for the notebook.
            lines, found = [], False
            for line in code.splitlines():
                bare = line.lstrip()
                indent = line[: len(line) - len(bare)]
                if bare.startswith("!"):
                    line, found = indent + "__shell__(%r)" % bare[1:], True
                elif bare.startswith("%"):
                    line, found = indent + "pass", True
                lines.append(line)
            if not found:
                raise
            return ast.parse("\n".join(lines), name)

    def cell(self, code):
        self.count += 1
        self.sent = 0
        name = "<cell %d>" % self.count
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        self.space["__shell__"] = self.shell
        ok = True
        try:
            tree = self.parse(code, name)
            last = None
            if tree.body and isinstance(tree.body[-1], ast.Expr):
                last = ast.Expression(tree.body.pop().value)
            exec(compile(tree, name, "exec"), self.space)
            if last is not None:
                # A ; at the end keeps the value quiet, as in a notebook.
                value = eval(compile(last, name, "eval"), self.space)
                if value is not None and not code.rstrip().endswith(";"):
                    self.space["_"] = value
                    self.display(value)
            self.figures()
        except SystemExit as e:
            if e.code not in (None, 0):
                print("SystemExit: %s" % (e.code,))
                ok = False
        except BaseException as e:
            ok = False
            self.complain(e, name)
            try:
                plt = sys.modules.get("matplotlib.pyplot")
                plt and plt.close("all")
            except BaseException:
                pass
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        self.tell({"t": "done", "ok": ok})

    def complain(self, e, name):
        """Prints the error with the lines of the user's code, not the driver's."""
        try:
            tb = e.__traceback__
            while tb is not None and not tb.tb_frame.f_code.co_filename.startswith("<cell "):
                tb = tb.tb_next
            if isinstance(e, KeyboardInterrupt):
                print("KeyboardInterrupt: the code was stopped", file=sys.stderr)
                return
            text = "".join(traceback.format_exception(type(e), e, tb, limit=-12 if tb else None))
            if len(text) > 8000:
                text = text[:4000] + "\n[…]\n" + text[-4000:]
            sys.stderr.write(text)
        except BaseException:
            try:
                sys.stderr.write("%s: its text cannot be shown\n" % type(e).__name__)
            except BaseException:
                pass

    def loop(self):
        buf = b""
        while True:
            try:
                while b"\n" not in buf:
                    more = os.read(self.control, 1 << 16)
                    if not more:
                        os._exit(0)
                    buf += more
                line, buf = buf.split(b"\n", 1)
                if not line:
                    continue  # the word on an image that was waited for when an interrupt came
                size = json.loads(line)["size"]
                while len(buf) < size:
                    buf += os.read(self.control, 1 << 20)
                code, buf = buf[:size].decode("utf-8", "replace"), buf[size:]
            except KeyboardInterrupt:
                continue  # came between two runs
            try:
                self.cell(code)
            except KeyboardInterrupt:
                self.tell({"t": "done", "ok": False})


def start_kernel(config, modules):
    """Forks the process of users' code. Returns its pid and the pipes to it."""
    import socket
    ours, theirs = socket.socketpair()
    out_read, out_write = os.pipe()
    pid = os.fork()
    if pid:
        theirs.close()
        os.close(out_write)
        for fd in (out_read, ours.fileno()):
            os.set_blocking(fd, False)
        return pid, ours, out_read
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if config["inside"]:
            with open(PIDS + "/cgroup.procs", "w") as f:
                f.write(str(os.getpid()))
        control = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 100)
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(out_write, 1)
        os.dup2(out_write, 2)
        for fd in os.listdir("/proc/self/fd"):
            if int(fd) > 2 and int(fd) != control:
                try:
                    os.close(int(fd))
                except OSError:
                    pass
        os.setsid()
        if config["inside"]:
            os.setgroups([])
            os.setgid(UID)
            os.setuid(UID)
        os.umask(0o022)
        os.chdir(DATA)
        base = int(open("/proc/self/statm").read().split()[0]) * 4096
        # Below what all may take together: one that asks for too much gets a MemoryError and keeps its variables.
        resource.setrlimit(resource.RLIMIT_AS, (base + config["memory"] * 7 // 8,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
        os.environ.clear()
        os.environ.update(config["env"])
        sys.stdin = open(0)
        sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", errors="replace", closefd=False)
        sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", errors="replace", closefd=False, buffering=1)
        sys.stdout.reconfigure(line_buffering=True)
        sys.argv = [""]
        sys.path.insert(0, "")
        sys.setrecursionlimit(1000)
        kernel = Kernel(control, config["images"], config["image_bytes"])
        plt = sys.modules.get("matplotlib.pyplot")
        if plt:
            plt.show = kernel.figures
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        # The code's own __main__ is not this program.
        main = type(sys)("__main__")
        main.__dict__.update(kernel.space)
        kernel.space = main.__dict__
        sys.modules["__main__"] = main
        kernel.loop()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(70)
