"""page.py: the commands of product-page.txt, as they stand there.

Owns how a command is found in the page and run in a shell, with the page's own
variables; only the host is another.  Knows no lab.  Shared by the demo and by
the tests that run the page.
"""
import json
import os
import re
import subprocess

PAGE = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "product-page.txt")).read()
HOST = "https://api.foundrydb.com"


def unfinished(command):
    """Does a shell want more lines after these?"""
    quote, escaped = None, False
    for c in command:
        if escaped:
            escaped = False
        elif c == "\\" and quote != "'":
            escaped = True
        elif c in "'\"" and quote in (None, c):
            quote = None if quote else c
    return quote is not None or escaped or command.endswith("\\")


def commands(program):
    """The page's commands that begin with this word, each with the text that follows it."""
    lines = PAGE.split("\n")
    found, n = [], 0
    while n < len(lines):
        if not lines[n].startswith(program + " "):
            n += 1
            continue
        command = lines[n]
        while unfinished(command):
            n += 1
            command += "\n" + lines[n]
        n += 1
        found.append((command, "\n".join(lines[n:])))
    return found


def curl_commands():
    """The page's curl lines by what they are for, each kind a list of (command, text that follows)."""
    kinds = {"servers": [], "create": [], "delete": [], "service": [], "status": [], "monitor": [], "reason": []}
    for command, after in commands("curl"):
        if "-X POST" in command:
            kinds["servers" if "/managed-services" in command else "create"].append((command, after))
        elif "-X DELETE" in command:
            kinds["delete"].append((command, after))
        elif "/managed-services/" in command:
            kinds["service"].append((command, after))
        elif "/status" in command:
            kinds["monitor" if "jq" in command else "status"].append((command, after))
        else:
            kinds["reason"].append((command, after))
    return kinds


def shown(text, at=0):
    """The first JSON object in a text of the page, after this place."""
    return json.JSONDecoder().raw_decode(text, text.index("{", at))[0]


def insert_statement():
    """The page's row."""
    return re.search(r"^INSERT INTO orders.*?;", PAGE, re.S | re.M).group()


def sasl_properties(password):
    """The page's /tmp/sasl.properties with this password."""
    return re.search(r"^security\.protocol=.*?\";", PAGE, re.S | re.M).group().replace("YOUR_KAFKA_PASS", password) + "\n"


class Shell:
    """Runs commands of the page: variables as the page names them, files in a directory of its own."""

    def __init__(self, directory, url, **variables):
        self.url = url
        self.variables = dict({"CURL_HOME": directory, "PATH": directory + ":" + os.environ["PATH"]}, **variables)
        with open(os.path.join(directory, ".curlrc"), "w") as out:
            out.write('silent\nshow-error\nmax-time = 30\nwrite-out = "%{stderr}status %{http_code}\\n"\n')

    def line(self, command):
        """The command as it is typed here."""
        return command.replace(HOST, self.url)

    def run(self, command, timeout=60):
        """(exit code, HTTP status or None, output, what went to stderr)"""
        assert HOST in command or not command.startswith("curl"), command
        done = subprocess.run(["bash", "-c", "set -o pipefail\n" + self.line(command)], env=dict(os.environ, **self.variables),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
        status = re.search(r"^status (\d+)$", done.stderr, re.M)
        return done.returncode, status and int(status.group(1)), done.stdout, done.stderr
