"""stage.py: what the demos share: the lab, commands that are shown and run, waiting
with progress.

Owns the running of a lab in which services are made.  What is played is the
demos' own.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import page

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAB = os.path.join(HERE, "lab")
BEGAN = time.monotonic()
BOLD, DIM, OFF = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def say(words):
    print("\n%s%5.1f s  %s%s" % (BOLD, time.monotonic() - BEGAN, words, OFF), flush=True)


def show(command):
    print("%s$ %s%s" % (DIM, command.replace("\n", "\n  "), OFF), flush=True)


def die(words):
    print("demo: " + words, file=sys.stderr)
    sys.exit(1)


class Demo:
    def __init__(self, directory):
        """Brings the lab up; directory is for files of the demo's own."""
        say("The lab: a metadata database, the gateway, and an agent that makes servers")
        place = dict(os.environ)
        place.setdefault("LAB_DIR", os.path.join(LAB, "run/page"))
        # the page brings its own servers
        place.setdefault("LAB_REGISTERED", "no")
        if subprocess.call([os.path.join(LAB, "up")], env=place) != 0:
            sys.exit(1)
        out = subprocess.run(["bash", "-c", "set -a; . \"$1/env\"; env -0", "demo", os.path.abspath(place["LAB_DIR"])], stdout=subprocess.PIPE, check=True).stdout
        self.env = dict(item.split("=", 1) for item in out.decode().split("\0") if "=" in item)
        self.directory, self.lab_dir = directory, place["LAB_DIR"]
        self.shell = page.Shell(directory, self.env["CDC_API_URL"], USER=self.env["CDC_API_USER"], PASS=self.env["CDC_API_PASSWORD"])
        with open(os.path.join(directory, "kafka-console-consumer"), "w") as program:
            program.write("#!/bin/bash\n. '%s/common.sh'\nexec java $JAVA_FLAGS -cp \"$(kafka_classpath)\" org.apache.kafka.tools.consumer.ConsoleConsumer \"$@\" 2>/dev/null\n" % LAB)
        os.chmod(program.name, 0o755)
        print("  USER=%s PASS=%s   %s stands for %s" % (self.env["CDC_API_USER"], self.env["CDC_API_PASSWORD"], self.env["CDC_API_URL"], page.HOST))

    def run(self, command, status=None, quiet=False, timeout=60):
        """Output of a command that is shown; ends the demo when it fails, or has another HTTP status."""
        if not quiet:
            show(self.shell.line(command))
        code, got, out, said = self.shell.run(command, timeout)
        if code != 0 or (status and got != status):
            die("%s\n  gave %s: %s%s" % (command, got or "exit code %d" % code, out, said))
        return out

    def wait(self, command, done, seconds, words=None):
        """Runs a command again and again until done(output); shows each change."""
        until, last, out = time.monotonic() + seconds, None, None
        show(self.shell.line(command))
        while True:
            out = self.run(command, quiet=True)
            seen = (words or str.strip)(out)
            if seen != last:
                print("  %5.1f s  %s" % (time.monotonic() - BEGAN, seen), flush=True)
                last = seen
            if done(out):
                return out
            if time.monotonic() > until:
                die("not within %d s: %s" % (seconds, out))
            time.sleep(0.2)

    def meta(self, sql):
        """A query on the metadata database, shown with its rows; these, as psql -At gives them."""
        print("%s=> %s%s" % (DIM, sql, OFF))
        command = ["psql", "-Xq", "-P", "footer=off", self.env["CDC_META_DSN"], "-c", sql]
        print(subprocess.check_output(command, text=True).rstrip("\n"))
        return subprocess.check_output(command[:1] + ["-At"] + command[1:], text=True).splitlines()

    def peerings(self):
        """Of the SDN: how many are active, how many are there."""
        out = subprocess.check_output(["curl", "-fsS", "-u", "%s:%s" % (self.env["CDC_SDN_USER"], self.env["CDC_SDN_PASSWORD"]), self.env["CDC_SDN_URL"] + "/1.3/network-peering"])
        states = [p["state"] for p in json.loads(out)["network_peerings"]["network_peering"]]
        return states.count("active"), len(states)

    def reveal(self, service):
        return json.loads(self.run('curl -u "$USER:$PASS" -X POST %s/managed-services/$%s/database-users/app_user/reveal-password' % (page.HOST, service), 200))

    def names_free(self, names):
        """Ends the demo when services of an earlier run are in the way."""
        for service in json.loads(self.run('curl -u "$USER:$PASS" %s/managed-services' % page.HOST, 200, quiet=True))["services"]:
            if service["name"] in names:
                die("a service %s is there already, of an earlier run that did not end: LAB_DIR=%s test/lab/down --purge" % (service["name"], self.lab_dir))

    def order(self, command):
        """Runs a POST of a service; its id is $PG_ID or $KAFKA_ID from then on."""
        answer = json.loads(self.run(command, 201))
        name = "PG_ID" if answer["database_type"] == "postgresql" else "KAFKA_ID"
        self.shell.variables[name] = answer["id"]
        print("  %s=%s  %s" % (name, answer["id"], answer["status"]))

    def until_running(self):
        for name in ("PG_ID", "KAFKA_ID"):
            self.wait('curl -u "$USER:$PASS" %s/managed-services/$%s' % (page.HOST, name),
                      lambda out: json.loads(out)["status"] == "running" and all(v == "running" for v in json.loads(out)["addon_status"].values()), 300, service_words)

    def properties(self, password):
        """The page's sasl.properties, in a file of our own; its path."""
        path = os.path.join(self.directory, "sasl.properties")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(page.sasl_properties(password))
        return path

    def delete_all(self):
        """DELETE of the pipeline and, at once, of both services; waits until nothing of them is left."""
        ids = {self.shell.variables["PG_ID"], self.shell.variables["KAFKA_ID"]}
        (command, _), = page.curl_commands()["delete"]
        self.run(command, 202)
        for name in ("PG_ID", "KAFKA_ID"):
            self.run('curl -u "$USER:$PASS" -X DELETE %s/managed-services/$%s' % (page.HOST, name), 204)
        self.wait('curl -u "$USER:$PASS" %s/managed-services' % page.HOST,
                  lambda out: not ids & {s["id"] for s in json.loads(out)["services"]}, 240,
                  lambda out: ", ".join("%s %s%s" % (s["name"], s["status"], " (%s)" % s["status_message"] if s["status_message"] else "")
                                        for s in json.loads(out)["services"] if s["id"] in ids) or "both are gone")
        left = [name for name in os.listdir(self.env["CDC_SERVICES"]) if name in ids]
        if left:
            die("files are left: %s" % left)


def service_words(out):
    """A service in a line."""
    s = json.loads(out)
    return "  ".join([s["status"]] + ["%s: %s" % item for item in s["addon_status"].items()] + ([s["status_message"]] if s["status_message"] else []))


def pipeline_words(out):
    """A pipeline in a line."""
    p = json.loads(out)
    return "  ".join(x for x in (p["status"], p["provision_step"], p["error_message"]) if x)


def perform(play):
    """Runs play(demo), in a directory of its own that goes with it."""
    directory = tempfile.mkdtemp()
    try:
        play(Demo(directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
