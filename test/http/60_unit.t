#!/usr/bin/env python3
"""The systemd unit: systemd reads it without a word, its sandbox is tight, its settings are ones that the gateway has."""
from lib import *
import unit_file

UNIT = os.path.join(TOP, "src/gateway/cdc_gateway.service")
EXPOSED_AT_MOST = 2.0       # of 10, by systemd-analyze's own measure


def test():
    text = unit_file.check(UNIT, PROGRAM, EXPOSED_AT_MOST)
    equal(re.search(r"^ExecStart=(\S+)", text, re.M).group(1), "/usr/sbin/cdc_gateway", "it starts the gateway, where make install puts it right")
    help_ = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, text=True).stdout
    missing = [name for name in re.findall(r"--([a-z-]+)=", re.search(r"^ExecStart=.*$", text, re.M).group()) if name != "config" and "  %s " % name.replace("-", "_") not in help_]
    equal(missing, [], "with settings that it has")
    units = {"kB": 1024, "MB": 1024 ** 2, "M": 1024 ** 2, "": 1}

    def default(name):
        number, unit = re.search(r"  %s +(\d+)(kB|MB|)" % name, help_).groups()
        return int(number) * units[unit]

    number, unit = re.search(r"^MemoryMax=(\d+)(M)$", text, re.M).groups()
    # a connection has its library's buffer (http.c) and, with TLS, a session of about 40 kB; a session of the database what a call leaves in libpq's buffers (pool.c)
    most = default("max_memory") + default("max_connections") * 9 // 8 * (default("max_uri") + default("max_header") + 60 * 1024) + default("database_connections") * 1024 ** 2 + 32 * 1024 ** 2
    ok(most < int(number) * units[unit], "MemoryMax is above what the defaults can come to", "%d MB, %s MB" % (most // 1024 ** 2, number))
    files = int(re.search(r"^LimitNOFILE=(\d+)$", text, re.M).group(1))
    ok(files > default("max_connections") * 9 // 8 + 256 + default("database_connections") + 32, "and there are descriptors for all connections", files)
    stop = int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.M).group(1))
    own = int(re.search(r"stop_timeout +(\d+)s", help_).group(1))
    ok(stop > own, "and waits longer than the gateway's own stop_timeout", "%d %d" % (stop, own))


main(test)
