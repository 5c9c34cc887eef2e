"""unit_file.py: what systemd itself says of a unit file: whether it takes it, and how much the sandbox leaves.

The program that the unit starts is exchanged for the one under test: systemd looks whether it is there.
"""
import os
import re
import shutil
import subprocess
import tempfile

from tap import ok


def check(path, program, exposed_at_most):
    """Two results; the text of the unit. exposed_at_most: of 10, by systemd-analyze's own measure."""
    name = os.path.basename(path)
    text = open(path).read()
    directory = tempfile.mkdtemp(prefix="cdc_unit.")
    try:
        copy = os.path.join(directory, name)
        with open(copy, "w") as out:
            out.write(re.sub(r"^ExecStart=\S+", "ExecStart=" + program, text, flags=re.M))
        code, said = analyze("verify", "--man=no", copy)
        about = [line for line in said.splitlines() if name.split(".")[0] in line]
        ok(code == 0 and not about, "systemd takes %s" % name, said)
        code, said = analyze("security", "--offline=true", "--no-pager", "--threshold=%d" % (exposed_at_most * 10), copy)
        told = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        ok(code == 0 and told, "the sandbox of %s leaves at most %s of 10: %s" % (name, exposed_at_most, told.group(1) if told else "?"), said[-1500:])
    finally:
        shutil.rmtree(directory)
    return text


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout
