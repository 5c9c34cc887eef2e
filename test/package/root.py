"""root.py: a Debian of the cache, as a layer over it that is thrown away.

Owns the layer and what is mounted for it, in a mount namespace of the test's own (see alone()):
the cache is the same for every run, and stays as it is.
"""
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def alone():
    """Runs the test again in a mount namespace of its own, which takes all mounts with it."""
    if os.environ.get("PACKAGE_ALONE") != "1":
        os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", "--", sys.executable, *sys.argv], dict(os.environ, PACKAGE_ALONE="1"))


class Root:
    def __init__(self, name):
        self.lower = subprocess.check_output([os.path.join(TOP, "test/lab/debian"), name], text=True).split()[-1]
        self.place = tempfile.mkdtemp(prefix="cdc_package_%s." % name, dir="/var/tmp")
        self.path = os.path.join(self.place, "root")
        layers = [os.path.join(self.place, layer) for layer in ("upper", "work")]
        for directory in layers + [self.path]:
            os.mkdir(directory)
            os.chmod(directory, 0o755)
        os.chmod(self.place, 0o755)
        options = "lowerdir=%s,upperdir=%s,workdir=%s" % (self.lower, *layers)
        if subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, self.path], stderr=subprocess.DEVNULL).returncode != 0:
            # where there are no layers, a copy does
            os.rmdir(self.path)
            subprocess.run(["cp", "-a", "--reflink=auto", self.lower, self.path], check=True)
        for what in ("proc", "dev"):
            subprocess.run(["mount", "--bind", "/" + what, os.path.join(self.path, what)], check=True)

    def remove(self):
        for what in ("proc", "dev", ""):
            subprocess.run(["umount", os.path.join(self.path, what)], stderr=subprocess.DEVNULL)
        if not os.path.ismount(os.path.join(self.path, "dev")):
            shutil.rmtree(self.place, ignore_errors=True)

    def inside(self, path):
        return os.path.join(self.path, path.lstrip("/"))

    def read(self, path):
        with open(self.inside(path)) as file:
            return file.read()

    def write(self, path, text):
        with open(self.inside(path), "w") as file:
            file.write(text)

    def run(self, *command, user=None, env=(), cwd="/", timeout=1200):
        """(exit code, what it says), in the layer."""
        whole = ["chroot", *(["--userspec=" + user] if user else []), self.path, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *env,
                 "sh", "-c", 'cd "$0" && exec "$@"', cwd, *command]
        done = subprocess.run(whole, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
        return done.returncode, done.stdout

    def files(self, passed_by):
        """All that there is, but below what is passed by."""
        found = set()
        for where, directories, names in os.walk(self.path):
            inner = os.path.normpath(os.path.join("/", os.path.relpath(where, self.path)))
            directories[:] = [name for name in directories if os.path.join(inner, name) not in passed_by]
            found |= {path for path in (os.path.join(inner, name) for name in directories + names) if path not in passed_by}
        return found
