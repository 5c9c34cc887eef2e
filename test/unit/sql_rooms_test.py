#!/usr/bin/env python3
"""sql/ keeps its rooms: each file has what its name says, helpers stand apart from what
users call, no room uses a later one, and the Makefile builds every file once.

docs/architecture.md has the rooms.  Needs no server.
"""
import glob
import os
import re

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
os.chdir(TOP)

# what a file may make, by the first word of its name; %s is the schema of helpers
KINDS = {
    "types": r"CREATE TYPE cdc\.",
    "tables": r"CREATE (TABLE cdc\.|(UNIQUE )?INDEX )",
    "helpers": r"CREATE OR REPLACE (FUNCTION cdc_inner\.|VIEW cdc\.)|CREATE OR REPLACE TRIGGER|COMMENT ON VIEW",
    "calls": r"CREATE OR REPLACE FUNCTION |COMMENT ON FUNCTION",
    "routes": r"CREATE OR REPLACE (FUNCTION cdc_inner\.|VIEW cdc\.)|COMMENT ON VIEW",
    "reads": r"CREATE OR REPLACE VIEW cdc\.|COMMENT ON (TABLE|VIEW|COLUMN|TYPE)|DO \$\$",
}
# the zones that are shipped, and what keeps them over a restore
ALSO = {"sql/services/tables_zones.sql": r"CREATE OR REPLACE (FUNCTION cdc_inner\.|TRIGGER)|INSERT INTO cdc\.zone"}
# functions that stand in schema cdc themselves, behind no entry, and why: they ask nobody
# who calls
OPEN = {
    "connection_keys": "a table of the library, as view cdc.connection_key",
    "options": "a table of the library, as view cdc.option",
    "rules": "a table of the library, as view cdc.state_table",
    "failover_rules": "a table of the library, as view cdc.failover_table",
    "standby_rules": "a table of the library, as view cdc.standby_table",
    "rest_routes": "a table of the library, as view cdc.rest_route",
    "worker_state": "shared memory, for roles with pg_monitor",
}

count = failed = 0


def is_empty(found, name):
    global count, failed
    count += 1
    found = sorted(found)
    failed += bool(found)
    print("%sok %d - %s" % ("not " if found else "", count, name))
    for line in found[:10]:
        print("# " + line)


def statements(text):
    """The statements of a file, without comments, each as one text."""
    text = re.sub(r"^\s*--[^\n]*\n", "", text, flags=re.M)
    text = re.sub(r"\s--\s[^\n]*", "", text)
    found, at, quoted = [], 0, False
    for mark in re.finditer(r"\$\$|'(?:[^']|'')*'|;", text):
        if mark.group() == "$$":
            quoted = not quoted
        elif mark.group() == ";" and not quoted:
            found.append(text[at:mark.end()].strip())
            at = mark.end()
    if text[at:].strip():
        found.append(text[at:].strip())
    return found


makefile = open("Makefile").read()
rooms = re.search(r"^SQL_ROOMS := (.*)$", makefile, re.M).group(1).split()
files = {path: statements(open(path).read()) for path in glob.glob("sql/*/*.sql") if not path.startswith("sql/updates/")}
room_of = {path: path.split("/")[1] for path in files}
kind_of = {path: re.match(r"[a-z]+", os.path.basename(path)).group() for path in files}

is_empty([] if len(files) > 20 and sum(map(len, files.values())) > 300 else [str(len(files))], "(there is much in sql)")
is_empty({room for room in room_of.values() if room not in rooms}, "every folder is a room of the Makefile")
is_empty({path for path in files if kind_of[path] not in KINDS}, "every file is named for what it has: " + ", ".join(KINDS))
is_empty({path for path in glob.glob("sql/*.sql") if os.path.basename(path) not in ("install.sql", "entries.sql", "rights.sql")}, "beside the rooms are install.sql, entries.sql and rights.sql")
is_empty({path for path in files if not re.match(r"-- %s: " % re.escape(path[4:]), open(path).read())}, "the first line of a file is its name")

wrong = ["%s: %s" % (path, s.split("\n")[0][:100]) for path, all_of in files.items() for s in all_of
         if not re.match(KINDS.get(kind_of[path], "$"), s) and not re.match(ALSO.get(path, "$^"), s)]
is_empty(wrong, "and it has nothing else")

CALL = r"CREATE OR REPLACE FUNCTION (cdc|cdc_inner)\.(\w+)"
granted = set(re.findall(r"'(\w+)'", open("sql/organizations/helpers_grants.sql").read()))
wrong = []
for path, all_of in files.items():
    for s in all_of:
        made = re.match(CALL, s)
        if made:
            users = made.group(2) in granted or "SECURITY DEFINER" in s
            if users != (kind_of[path] == "calls"):
                wrong.append("%s: %s.%s()" % (path, made.group(1), made.group(2)))
is_empty(wrong, "what users call is in calls*.sql, and helpers are not")
everything = open("sql/install.sql").read() + "".join(s for all_of in files.values() for s in all_of)
in_cdc = set(re.findall(r"CREATE OR REPLACE FUNCTION cdc\.(\w+)", everything))
is_empty(in_cdc ^ set(OPEN), "in schema cdc are entries, and what is named here with a reason")
is_empty(set(OPEN) - granted, "which members may call")

# functions and views of later rooms; tables are everybody's to read
where = {}
for path, all_of in files.items():
    for s in all_of:
        made = re.match(r"CREATE OR REPLACE (?:FUNCTION|VIEW) (?:cdc|cdc_inner)\.(\w+)", s)
        if made:
            where[made.group(1)] = room_of[path]
wrong = []
for path, all_of in files.items():
    for s in all_of:
        plain = re.sub(r"'(?:[^']|'')*'", "''", s) if not s.startswith("COMMENT") else ""
        for used in set(re.findall(r"\b(?:cdc|cdc_inner)\.(\w+)", plain)):
            if rooms.index(where.get(used, rooms[0])) > rooms.index(room_of[path]):
                wrong.append("%s uses %s of %s" % (path, used, where[used]))
is_empty(wrong, "no room uses a function or view of a later one")

is_empty({path for path in files if sum(1 for line in open(path) if line.strip() and not line.startswith("--")) > 500}, "no file has more than 500 lines of code")

print("1..%d" % count)
raise SystemExit(failed > 0)
