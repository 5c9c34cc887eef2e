#!/usr/bin/env python3
"""table.py FILE: lines of JSON, objects of the same members, as one table of Markdown."""
import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1])]
if rows:
    print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
for row in rows:
    print("| " + " | ".join(str(value) for value in row.values()) + " |")
