#!/usr/bin/env python3
"""The systemd unit: systemd reads it without a word, its sandbox is tight, its settings are ones that the gateway has."""
from lib import *

UNIT = os.path.join(TOP, "src/gateway/cdc_gateway.service")
EXPOSED_AT_MOST = 2.0       # of 10, by systemd-analyze's own measure


def test():
    directory = subprocess.check_output(["mktemp", "-d"], text=True).strip()
    atexit.register(shutil.rmtree, directory, True)
    text = open(UNIT).read()
    installed = re.search(r"^ExecStart=(\S+)", text, re.M).group(1)
    path = os.path.join(directory, "cdc_gateway.service")
    with open(path, "w") as out:
        out.write(text.replace(installed, PROGRAM))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    about = [line for line in done.stdout.splitlines() if "cdc_gateway" in line]
    ok(done.returncode == 0 and not about, "systemd takes the unit", done.stdout)
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=%d" % (EXPOSED_AT_MOST * 10), path],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ok(done.returncode == 0, "its sandbox leaves at most %s of 10" % EXPOSED_AT_MOST, done.stdout[-1500:])
    equal(os.path.basename(installed), "cdc_gateway", "it starts the gateway")
    help_ = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, text=True).stdout
    missing = [name for name in re.findall(r"--([a-z-]+)=", re.search(r"^ExecStart=.*$", text, re.M).group()) if name != "config" and "  %s " % name.replace("-", "_") not in help_]
    equal(missing, [], "with settings that it has")
    stop = int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.M).group(1))
    own = int(re.search(r"stop_timeout +(\d+)s", help_).group(1))
    ok(stop > own, "and waits longer than the gateway's own stop_timeout", "%d %d" % (stop, own))


main(test)
