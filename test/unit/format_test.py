#!/usr/bin/env python3
"""test/lint/format lays out what pg_bsd_indent alone would damage, leaves what it must, and refuses what it cannot read."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
from tap import *

# name, as somebody wrote it, as it is laid out
CASES = [
    ("a function and its body", "char *name(int a) {\n    return  a?b:c;\n}\n", "char *\nname(int a)\n{\n\treturn a ? b : c;\n}\n"),
    ("fields that are named", "static const struct x one = {.a = 1, .b = 2};\n", None),
    ("compound literals", "static void\nf(void)\n{\n\tg((struct x) {1, .b = 2});\n}\n", None),
    ("rows of a table", "static const struct x rows[] = {\n\t{1, \"one\",\n\t\"first\"},\n};\n", "static const struct x rows[] = {\n\t{1, \"one\",\n\t\t\"first\"},\n};\n"),
    ("statements as arguments", "static void\nf(void)\n{\n\tCASE(1, a = 1; b = 2);\n}\n", None),
    ("a declaration's long value", "static void\nf(void)\n{\n\tbool\t\tok = a &&\n\tb;\n}\n", "static void\nf(void)\n{\n\tbool\t\tok = a &&\n\t\tb;\n}\n"),
    ("a comment among arguments", "static void\nf(void)\n{\n\tg(1,\n\t  /* why */\n\t  2);\n}\n", None),
    ("lines that are to stay", "/* *INDENT-OFF* */\nint  f(void) {   return 1; }\n/* *INDENT-ON* */\n", None),
    ("a comment beside a field, of two lines", "struct x\n{\n\tint\t\t\ta;\t\t\t\t/* one line\n\t\t\t\t\t\t\t\t * and another */\n};\n", None),
    ("comments are not filled anew", "/* " + "word " * 40 + "*/\nint\t\t\ta;\n", None),
]


def lay_out(words, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "case.c")
        with open(path, "w") as out:
            out.write(words)
        done = subprocess.run([os.path.join(TOP, "test/lint/format")] + list(options) + [path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with open(path) as got:
            return done.returncode, got.read(), done.stdout + done.stderr


def test():
    for name, given, wanted in CASES:
        code, got, said = lay_out(given)
        ok((code, got) == (0, wanted or given), name, "%d %s%s" % (code, got, said))
    code, got, said = lay_out("int  a;\n", "--check")
    ok(code == 2 and got == "int  a;\n" and "+int\t\t\ta;" in said, "a check shows the change and makes none", said)
    code, _, said = lay_out("int\t\t\ta;\n", "--check")
    ok(code == 0, "and says nothing of what is laid out", said)
    broken = "static void\nf(void)\n{\n\tif (a\n\t{\n}\n"
    code, got, said = lay_out(broken)
    ok(code == 3 and got == broken and "case.c" in said, "what cannot be read stays, and is an error", said)


if shutil.which("pg_bsd_indent"):
    run(test)
else:
    print("1..0 # SKIP pg_bsd_indent is not installed (test/lab/setup lint)")
