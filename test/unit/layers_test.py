#!/usr/bin/env python3
"""The house: rooms use those below them, no files use each other in a circle, none is long, each field has its writer.

What docs/architecture.md says in its table of rooms, held against src.  What is
broken today stands in layers.known: a new break fails, and so does a line that
is mended and still stands there.  Then each kind of break is made in a small
tree, to see that it is found.
"""
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "test", "house"))
import picture
import rules

count = failed = 0


def ok(condition, name, why=""):
    global count, failed
    count += 1
    failed += not condition
    print("%sok %d - %s" % ("" if condition else "not ", count, name))
    if not condition:
        print("\n".join("# " + line for line in str(why).splitlines()))


KINDS = ("table", "room", "upward", "circle", "header", "library", "length", "writer", "owner", "reads", "empty", "see")
found, tree, table = rules.breaks(TOP)
listed = rules.known(TOP)
for kind in KINDS:
    here = {line for line in found if line.split()[0] == kind}
    there = {line for line in listed if line.split()[0] == kind}
    print("# %s: %d known" % (kind, len(there)))
    ok(here <= there, "%s: nothing is broken but what is known" % kind, "\n".join(sorted(here - there)))
    ok(there <= here, "%s: what is known is still broken" % kind, "mended, make house takes it out of layers.known:\n" + "\n".join(sorted(there - here)))
ok(all(line.split()[0] in KINDS for line in listed) and listed == sorted(set(listed)), "layers.known is sorted and has known kinds only")
ok(len(tree.files) > 100 and sum(len(others) for others in tree.uses().values()) > 300, "src was read: %d files" % len(tree.files))

with open(os.path.join(TOP, rules.PICTURE)) as drawn:
    ok(drawn.read() == picture.draw(tree, table), rules.PICTURE + " is drawn from src as it is", "make house draws it anew")

# -- a small house, and each break of it --------------------------------------------------
TABLE = """
| room | what is in it | it uses | others include |
|---|---|---|---|
| `top` | all | `left` `right` `low` | |
| `left` | | `low` | `left.h` |
| `right` | | `low` | |
| `low` | | | |

| header | included in |
|---|---|
| `lib.h` | `low`, `left/left.c` |
| `tls/` | `low` |
"""
RECORD = """/* a thing */
typedef struct Part
{
	int			deep;			/* Writer: low */
} Part;

typedef struct Bare
{
	int			low;
} Bare;

/* Writer: left. */
typedef struct Record
{
	int			plain;
	char		name[8];
	Part		part;
	Bare		bare;
	char	   *text;
	/* Writers: right.c, and other.c */
	int			shared;
	int			above;			/* Writer: top */
} Record;

extern void low_set(char **where, const char *value);
extern void low_look(const int *what);
extern void low_part(Part *part);
extern void low_bare(Bare *bare);
extern Record *low_find(int id);
extern int	low_known;
#define LOW_ASK(x) low_made_##x()
extern int	low_made_one(void);
"""
SMALL = {
    "src/low/low.h": RECORD,
    "src/low/low.c": '#include "low/low.h"\n#include <lib.h>\n#include <tls/tls.h>\nint low_known = 1;\nvoid\nlow_set(char **where, const char *value)\n{\n}\n\n'
                     "void\nlow_look(const int *what)\n{\n}\n\nRecord *\nlow_find(int id)\n{\n\treturn NULL;\n}\n\nint\nlow_made_one(void)\n{\n\treturn 1;\n}\n",
    "src/left/left.h": '#include "low/low.h"\nextern void left_write(Record *record);\n',
    "src/left/inner.h": '#include "low/low.h"\nextern int left_inner(void);\n',
    "src/left/left.c": '#include "left/left.h"\n#include "left/inner.h"\n#include <lib.h>\nvoid\nleft_write(Record *record)\n{\n\tRecord\t\town;\n\n\town.shared = 1;\n'
                       '\trecord->plain = left_inner();\n\tlow_set(&record->text, "x");\n\tlow_look(&record->shared);\n\tif (record->above == 1 && record->name[0])\n\t\treturn;\n}\n',
    "src/left/inner.c": '#include "left/inner.h"\nint\nleft_inner(void)\n{\n\treturn low_known;\n}\n',
    "src/right/right.h": '#include "low/low.h"\nextern void right_write(Record *record);\n',
    "src/right/right.c": '#include "right/right.h"\nvoid\nright_write(Record *record)\n{\n\trecord->shared++;\n\tif (LOW_ASK(one))\n\t\treturn;\n}\n',
    "src/right/other.c": '#include "right/right.h"\nstatic void\nother(Record *record)\n{\n\trecord->shared = 1;\n}\n',
    "src/top/top.c": '#include "left/left.h"\n#include "right/right.h"\nint\nmain(void)\n{\n\tRecord\t   *record = low_find(1);\n\n\tleft_write(record);\n'
                     "\tright_write(record);\n\trecord->above |= 2;\n\treturn 0;\n}\n",
}


def breaks(change=None, table=TABLE):
    """What is found in the small tree with some files changed: {path: (old, new) or text}."""
    files = dict(SMALL)
    for path, how in (change or {}).items():
        if isinstance(how, tuple):
            assert how[0] in files[path], "%s has no %s" % (path, how[0])
            files[path] = files[path].replace(how[0], how[1], 1)
        else:
            files[path] = how
    top = tempfile.mkdtemp()
    try:
        for path, text in list(files.items()) + [(rules.DOCUMENT, table)]:
            if text is not None:
                os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
                with open(os.path.join(top, path), "w") as out:
                    out.write(text)
        return rules.breaks(top)[0]
    finally:
        shutil.rmtree(top)


def check(name, wanted, change=None, table=TABLE):
    got = breaks(change, table)
    ok(got == sorted(wanted), name, "wanted %s\ngot    %s" % (sorted(wanted), got))


check("a whole house", [])
LEFT, RIGHT, TOPC, LOW = "src/left/left.c", "src/right/right.c", "src/top/top.c", "src/low/low.c"
writes_in_top = "\trecord->above |= 2;\n"


def wrote(statement, field, path=TOPC):
    """A statement in top.c breaks the writer of a field."""
    check("writer: %s" % statement.strip(), ["writer %s writes %s" % (path, one) for one in field.split()], {path: (writes_in_top, "\t" + statement + "\n")})


# rooms
check("room: a file in none", ["room src/other/new.c is in no room"], {"src/other/new.c": "int\nnew_one(void)\n{\n\treturn 0;\n}\n"})
check("room: a file above all", ["room src/new.c is in no room"], {"src/new.c": "static int x;\n"})
check("empty: a room without files", ["empty more"], table=TABLE.replace("| `low` | | | |", "| `low` | | | |\n| `more` | | | |"))
check("table: a use that goes up", ["table low uses left, which does not stand below it"], table=TABLE.replace("| `low` | | | |", "| `low` | | `left` | |"))
before = picture.draw(*rules.breaks(TOP)[1:])
ok(before == picture.draw(tree, table) and before != picture.draw(tree, rules.Table(TABLE)), "the picture is the same of the same tree, and another of another")
got = breaks(table="nothing")
ok("table there is none of rooms" in got and all("room %s is in no room" % path in got for path in SMALL), "table: none", got)
# uses
check("upward: a call, an include", ["upward src/low/low.c calls src/left/inner.c", "upward src/low/low.c includes src/left/inner.h",
                                     "circle src/low/low.c", "circle src/left/inner.c", "header src/low/low.c includes src/left/inner.h"],
      {LOW: ("return NULL;", "left_inner();\n\treturn NULL;"), "src/low/low.c": '#include "left/inner.h"\n' + SMALL[LOW].replace("return NULL;", "return (Record *) (long) left_inner();")})
check("upward: a neighbour's function", ["upward src/right/right.c calls src/left/left.c", "upward src/right/right.c includes src/left/left.h"],
      {RIGHT: SMALL[RIGHT].replace("record->shared++", "left_write(record)").replace('#include "right/right.h"', '#include "right/right.h"\n#include "left/left.h"')})
check("upward: by its address", ["upward src/right/right.c calls src/left/left.c", "upward src/right/right.c includes src/left/left.h"],
      {RIGHT: SMALL[RIGHT].replace("record->shared++", "void (*f)(Record *) = left_write").replace('#include "right/right.h"', '#include "right/right.h"\n#include "left/left.h"')})
check("upward: a neighbour's variable", ["upward src/right/right.c calls src/left/left.c", "upward src/right/right.c includes src/left/left.h"],
      {RIGHT: SMALL[RIGHT].replace("LOW_ASK(one)", "left_count[0]").replace('#include "right/right.h"', '#include "right/right.h"\n#include "left/left.h"'),
       "src/left/left.h": SMALL["src/left/left.h"] + "extern int left_count[3];\n", LEFT: SMALL[LEFT] + "int\t\t\tleft_count[3] = {1, 2, 3};\n"})
check("upward: by a name that a macro makes", ["upward src/right/right.c calls src/left/left.c", "upward src/right/right.c includes src/left/left.h"],
      {RIGHT: SMALL[RIGHT].replace("LOW_ASK(one)", "MAKE(write)(record)").replace('#include "right/right.h"', '#include "right/right.h"\n#include "left/left.h"\n#define MAKE(x) left_##x')})
check("no use: the name as a member, in a comment, in a string, of a function of its own", [],
      {RIGHT: SMALL[RIGHT].replace("record->shared++", '/* left_write */ record->shared = f(record->left_write, "left_write")')
          .replace('void\nright', 'static int left_inner(void)\n{\n\treturn 1;\n}\n\nvoid\nright')})
# circles
check("circle: of two files", ["circle src/left/left.c", "circle src/left/inner.c"],
      {"src/left/inner.c": SMALL["src/left/inner.c"].replace("return low_known", "left_write(0)").replace('#include "left/inner.h"', '#include "left/left.h"\n#include "left/inner.h"')})
check("circle: of three files", ["circle src/left/left.c", "circle src/left/inner.c", "circle src/left/third.c"],
      {"src/left/inner.h": SMALL["src/left/inner.h"] + "extern void left_third(void);\n",
       "src/left/inner.c": SMALL["src/left/inner.c"].replace("return low_known", "left_third()"),
       "src/left/third.c": '#include "left/inner.h"\n#include "left/left.h"\nvoid\nleft_third(void)\n{\n\tleft_write(0);\n}\n'})
check("circle: of headers", ["circle src/left/left.h", "circle src/left/inner.h"],
      {"src/left/left.h": '#include "left/inner.h"\n' + SMALL["src/left/left.h"], "src/left/inner.h": '#include "left/left.h"\n' + SMALL["src/left/inner.h"]})
# headers
check("header: one that others must not see", ["header src/top/top.c includes src/left/inner.h"], {TOPC: '#include "left/inner.h"\n' + SMALL[TOPC]})
check("library: where it does not belong", ["library src/left/inner.c includes lib.h"], {"src/left/inner.c": "#include <lib.h>\n" + SMALL["src/left/inner.c"]})
check("library: a folder of headers", ["library src/left/left.c includes tls/x.h"], {LEFT: "#include <tls/x.h>\n" + SMALL[LEFT]})
# what is to be seen
TOPS = "/*\n * left.c\n *\t  %s\n */\n"
check("see: what is not there", ["see src/left/left.c names left_parts.h", "see src/left/left.c names low.h"], {LEFT: TOPS % "See low.h and left_parts.h." + SMALL[LEFT]})
check("see: what is beside it, or below src", [], {LEFT: TOPS % "See left.h and low/low.h.  One may see a.h elsewhere." + SMALL[LEFT]})
# length
check("length: 501 lines of code", ["length src/right/long.c"], {"src/right/long.c": "static int x;\n" * 501})
check("length: 500, and comments", [], {"src/right/long.c": "static int x;\n" * 500 + "\n/* and\n * this */\n" * 100})
# writers
for statement in ("record->plain = 1;", "record->plain += 1;", "record->plain++;", "--record->plain;", "low_find(2)->plain = 3;", "((Record *) record)->plain = 1;", "(*record).plain = 1;",
                  "(record)->plain = 1;", "scanf(\"%d\", &record->plain);", "int *where = &record->plain;", "record[1].plain = 1;"):
    wrote(statement, "Record.plain")
wrote("low_set(&record->text, 0);", "Record.text")
wrote("strlcpy(record->name, \"x\", 8);", "Record.name")
wrote("record->name[3] = 0;", "Record.name")
wrote("record->part.deep = 1;", "Part.deep")
wrote("record->bare.low = 1;", "Record.bare")
wrote("low_bare(&record->bare);", "Record.bare")
wrote("record->shared = 2;", "Record.shared")
wrote("*record = *low_find(2);", "Record.*")
wrote("memset(record, 0, sizeof(*record));", "Record.*")
check("writer: in the right room, the wrong file", ["writer src/right/third.c writes Record.shared"],
      {"src/right/third.c": '#include "right/right.h"\nstatic void\nthird(Record *record)\n{\n\trecord->shared = 1;\n}\n'})
check("owner: two rooms", ["owner Record.shared in src/low/low.h has low and right"], {"src/low/low.h": ("Writers: right.c, and other.c", "Writers: right, low")})
check("owner: files of two rooms", ["owner Record.shared in src/low/low.h has low and right"], {"src/low/low.h": ("right.c, and other.c", "right.c, other.c and low.c")})
check("owner: of a whole struct", ["owner Record.%s in src/low/low.h has left and low" % field for field in ("bare", "name", "part", "plain", "text")],
      {"src/low/low.h": ("Writer: left", "Writers: left, low")})
check("no write: a read, a lent const, a copy of its own, a pointee", [],
      {TOPC: (writes_in_top, "\tRecord\t\tcopy = *record;\n\tconst int *seen = &record->plain;\n\n\tcopy.plain = 2;\n\tlow_look(&record->plain);\n\tlow_part(&record->part);\n\tmemcpy(&copy, record, 8);\n"
                             "\tif (record->plain == 1 || record->shared <= 2)\n\t\t*record->text = 0;\n\tprintf(\"%s\", record->name);\n\trecord->above = record->plain;\n")})
check("writer: a field that has none", ["writer Record.plain: others of its struct in src/low/low.h have one, it has none",
                                        "writer Record.name: others of its struct in src/low/low.h have one, it has none",
                                        "writer Record.bare: others of its struct in src/low/low.h have one, it has none",
                                        "writer Record.part: others of its struct in src/low/low.h have one, it has none",
                                        "writer Record.text: others of its struct in src/low/low.h have one, it has none",
                                        "writer src/left/left.c writes Record.plain", "writer src/left/left.c writes Record.text"],
      {"src/low/low.h": ("/* Writer: left. */\ntypedef", "/* a record */\ntypedef")})
READER = TABLE.replace("| `right` | |", "| `right` | it changes nothing |")
for called in ("low_part(&part)", "low_by(&part)"):
    check("reads: what may write a record, by %s" % called, ["reads src/right/right.c reaches low_part"],
          {RIGHT: ("record->shared++", called), LOW: SMALL[LOW] + "void\nlow_part(Part *part)\n{\n}\n\nvoid\nlow_by(const Part *part)\n{\n\tlow_part((Part *) part);\n}\n",
           "src/low/low.h": RECORD + "extern void low_by(const Part *part);\n"}, READER)
check("reads: what takes it const", [], {RIGHT: ("record->shared++", "low_look(&record->shared)")}, READER)
check("writer: one that is not there", ["writer Record.above in src/low/low.h: there is no room or file roof"], {"src/low/low.h": ("Writer: top", "Writer: roof"), TOPC: (writes_in_top, "")})

print("1..%d" % count)
sys.exit(1 if failed else 0)
