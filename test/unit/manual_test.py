#!/usr/bin/env python3
"""Each option and setting of a program is in its --help, in its manual page and in its document."""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
from tap import equal, ok, run, skip

# a program's table of settings
TABLES = {"gateway": r"^\t\{\"(\w+)\", SETTING_", "agent": r"^\t(?:TEXT|PATH|LIST|OBJECT|NUMBER|BYTES)\((\w+),"}


def source(*path):
    return open(os.path.join(TOP, *path)).read()


def test():
    for name, row in TABLES.items():
        program = os.path.join(TOP, "build/bin/cdc_" + name)
        page = source("build/man/cdc_%s.8" % name)
        plain = page.replace("\\-", "-")
        told = subprocess.run([program, "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout
        settings = re.findall(row, source("src", name, "config.c"), re.M)
        options = {option for file in ("main.c", "config.c") for option in re.findall(r"str(?:n?cmp)\((?:argv\[\w+\]|word)[^,]*, \"(--[a-z-]{2,}|config)", source("src", name, file))}
        options = {"--" + option.lstrip("-") for option in options}
        ok(len(settings) > 20 and {"--help", "--version", "--config"} <= options, "cdc_%s: options and settings are found in its source" % name, (options, len(settings)))
        equal([option for option in sorted(options) if not re.search(r"^  (?:--\w+, )*%s\b" % option, told, re.M)], [], "cdc_%s: each option is in --help" % name)
        equal([setting for setting in settings if not re.search(r"^  %s  " % setting, told, re.M)], [], "each setting too")
        rows = [re.split(r"   *", line.strip()) for line in told.splitlines() if line.startswith("  ")]
        missing = [cells for cells in rows if ".B %s\n%s\n" % (cells[0], cells[-1]) not in plain or (len(cells) == 3 and cells[1] != "(none)" and "Default: " + cells[1] not in plain)]
        equal(missing, [], "each row of --help is in the manual page")
        headings = [line[:-1].upper() for line in told.splitlines() if re.match(r"[A-Z][a-z ]*:$", line)]
        equal([heading for heading in headings + ["NAME", "SYNOPSIS", "DESCRIPTION"] if ".SH %s\n" % heading not in page], [], "with its headings")
        document = source("docs/%s.md" % name)
        equal([setting for setting in settings if "`%s`" % setting not in document], [], "docs/%s.md tells of each setting" % name)
        if shutil.which("man") and shutil.which("groff"):
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", os.path.join(TOP, "build/man/cdc_%s.8" % name)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            equal((done.returncode, done.stderr), (0, ""), "man has no word about it")
        else:
            skip("man has no word about it", "there is no man here")


run(test)
