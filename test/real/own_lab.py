"""own_lab.py: a lab of the test's own, for servers that the shared one has not.

Imported before lib, which reads the lab's env file.  The lab is down and gone
when the test ends.
"""
import atexit
import os
import subprocess

LAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab")


def lab_of(version, port_base, **more):
    """A lab with a source of this version is up; more: LAB_... variables."""
    variables = {"LAB_DIR": os.path.abspath(os.path.join(LAB, "run", "check_%d" % version)), "LAB_PORT_BASE": str(port_base), "LAB_SOURCE_VERSION": str(version),
                 "LAB_CONNECT_WORKERS": "1", "LAB_SOURCE_SLOTS": "shadow", "LAB_SOURCE_NETNS": ""}
    os.environ.update(variables, **more)
    os.environ["LAB_ENV"] = os.path.join(os.environ["LAB_DIR"], "env")
    atexit.register(subprocess.run, [os.path.join(LAB, "down"), "--purge"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    # what its servers say is not this test's TAP
    up = subprocess.run([os.path.join(LAB, "up")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if up.returncode != 0:
        print("Bail out!  no lab with PostgreSQL %d: %s" % (version, up.stdout))
        raise SystemExit(1)
