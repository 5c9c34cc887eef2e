#!/usr/bin/env python3
"""make install puts each thing where it belongs, make uninstall takes all of it away, and the extension alone needs nothing of the programs."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
from tap import equal, ok, run

PG_CONFIG = os.environ.get("PG_CONFIG", "pg_config")
CONTROL = open(os.path.join(TOP, "cdc_pipeline.control")).read()
VERSION = re.search(r"^default_version = '(.*)'", CONTROL, re.M).group(1)
PROGRAMS = ["cdc_agent", "cdc_gateway"]
UNITS = ["cdc_agent.service", "cdc_agent_host.service", "cdc_gateway.service"]
EXAMPLES = ["agent.json", "cdc_gateway.conf", "host.json", "nginx.conf"]


def make(*arguments):
    done = subprocess.run(["make", "-s", "PG_CONFIG=" + PG_CONFIG, *arguments], cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ok(done.returncode == 0, "make %s" % " ".join(word for word in arguments if not word.startswith("DESTDIR")), done.stdout)
    return done.stdout


def files(root):
    return {os.path.join("/", os.path.relpath(os.path.join(where, name), root)) for where, _, names in os.walk(root) for name in names}


def extension_files():
    place = subprocess.check_output([PG_CONFIG, "--sharedir", "--pkglibdir"], text=True).split()
    updates = os.listdir(os.path.join(TOP, "sql/updates"))
    return {place[1] + "/cdc_pipeline.so"} | {"%s/extension/%s" % (place[0], name) for name in ["cdc_pipeline.control", "cdc_pipeline--%s.sql" % VERSION, *updates]}


def document_files(place):
    documents = [name for name in os.listdir(os.path.join(TOP, "docs")) if name.endswith((".md", ".yaml", ".svg"))]
    return {place + "/README.md", place + "/CHANGELOG.md"} | {place + "/docs/" + name for name in documents}


def program_files(sbin, man, units, doc):
    return ({"%s/%s" % (sbin, name) for name in PROGRAMS} | {"%s/man8/%s.8" % (man, name) for name in PROGRAMS} |
            {"%s/%s" % (units, name) for name in UNITS} | {"%s/examples/%s" % (doc, name) for name in EXAMPLES})


def install(root, wanted, *arguments):
    make("install", "DESTDIR=" + root, *arguments)
    equal(sorted(files(root) ^ wanted), [], "nothing is missing, and nothing else is there")
    return wanted


def test():
    root = tempfile.mkdtemp(prefix="cdc_install.")
    try:
        usual = "/usr/local/share/doc/cdc_pipeline"
        install(root, extension_files() | document_files(usual) | program_files("/usr/local/sbin", "/usr/local/share/man", "/usr/local/lib/systemd/system", usual))
        make("uninstall", "DESTDIR=" + root)
        equal(sorted(files(root)), [], "make uninstall leaves no file")
        ok(not os.path.exists(root + usual), "and no directory of ours")

        install(root, extension_files() | document_files("/opt/cdc/share/doc/cdc_pipeline") |
                program_files("/opt/cdc/sbin", "/opt/cdc/share/man", "/lib/systemd/system", "/opt/cdc/share/doc/cdc_pipeline"),
                "prefix=/opt/cdc", "systemdsystemunitdir=/lib/systemd/system")
        started = {name: re.search(r"^ExecStart=(\S+)", open("%s/lib/systemd/system/%s" % (root, name)).read(), re.M).group(1) for name in UNITS}
        equal(started, {name: "/opt/cdc/sbin/" + ("cdc_gateway" if "gateway" in name else "cdc_agent") for name in UNITS}, "each unit starts the program that was installed")
        make("uninstall", "DESTDIR=" + root, "prefix=/opt/cdc", "systemdsystemunitdir=/lib/systemd/system")
        equal(sorted(files(root)), [], "uninstall takes the same words")

        install(root, extension_files() | document_files(usual), "PARTS=extension")
    finally:
        shutil.rmtree(root)
    commands = make("-n", "-B", "extension")
    ok("src/worker/main.c" in commands, "make extension compiles the extension")
    equal(re.findall(r"src/(?:gateway|agent)/\S+|-lmicrohttpd|-lgnutls|-larchive", commands), [], "and neither program, nor links what they alone need")

    # the fields and forms that https://pgxn.org/spec/ (1.0.0) requires
    meta = json.load(open(os.path.join(TOP, "META.json")))
    equal(sorted({"name", "version", "abstract", "maintainer", "license", "provides", "meta-spec"} - set(meta)), [], "META.json has what PGXN requires")
    equal((meta["name"], meta["license"], meta["meta-spec"]["version"], meta["release_status"]), ("cdc_pipeline", "postgresql", "1.0.0", "stable"), "and its words are ones of PGXN's")
    equal((meta["version"], meta["provides"]["cdc_pipeline"]["version"]), (VERSION + ".0",) * 2, "its version is the control file's, in three parts as PGXN wants it")
    provided = meta["provides"]["cdc_pipeline"]
    ok(all(os.path.exists(os.path.join(TOP, provided[key])) for key in ("file", "docfile")), "what it says it provides is in the tree", provided)
    equal(sorted(set(meta) - {"name", "version", "abstract", "description", "maintainer", "license", "provides", "meta-spec", "prereqs", "release_status", "resources", "tags", "generated_by", "no_index"}),
          [], "and it has no key that PGXN does not know")


run(test)
