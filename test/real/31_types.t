#!/usr/bin/env python3
"""Types: what comes of each in a snapshot and in the stream is what docs/types.md says.

The table there is made by this test from the real thing: TYPES_WRITE=1 writes it.
Of the values on a server that lacks them (a newer version's, an extension's) nothing
is compared.
"""
from lib import *

DOCS = os.path.join(TOP, "docs/types.md")
BEGIN, END = "<!-- types: test/real/31_types.t -->\n", "<!-- end -->\n"
ABSENT = "left out"

# (type as declared, value as an SQL expression, the first version that has it)
VALUES = [line.split(" | ") for line in """
boolean | true
smallint | -32768
integer | 2147483647
bigint | 9007199254740993
oid | 4294967295
real | 1.1
double precision | 0.1
double precision | 'NaN'
double precision | 'Infinity'
numeric(10,2) | 99.95
numeric(20) | 9007199254740993
numeric | 12345678901234567890.123456789
numeric | 'NaN'
numeric | 'Infinity'
money | '1234.56'
money | '92233720368547758.07'
text | 'é'
varchar(10) | 'x '
char(4) | 'x'
name | 'x'
"char" | 'x'
citext | 'X'
mood | 'ok'
posint | 7
amount | 99.95
bytea | '\\xdeadbeef'
bit(1) | '1'
bit(8) | '10110000'
varbit(8) | '101'
date | '2024-02-29'
date | 'infinity'
date | '-infinity'
date | '0044-03-15 BC'
time | '12:34:56.123456'
timetz | '12:34:56.123456+02'
timestamp | '2024-02-29 12:34:56.123456'
timestamp(3) | '2024-02-29 12:34:56.123'
timestamp | 'infinity'
timestamp | '0044-03-15 12:00 BC'
timestamptz | '2024-02-29 12:34:56.123456+02'
timestamptz | 'infinity'
timestamptz | '-infinity'
timestamptz | '0044-03-15 12:00+00 BC'
interval | '1 mon 2 days 03:04:05.678901'
interval | 'infinity' | 17
uuid | '123e4567-e89b-12d3-a456-426614174000'
json | '{"b": 1,  "a": null}'
jsonb | '{"b": 1,  "a": null}'
xml | '<a>b</a>'
jsonpath | '$.a'
inet | '10.0.0.1/8'
cidr | '10.0.0.0/8'
macaddr | '08:00:2b:01:02:03'
macaddr8 | '08:00:2b:01:02:03:04:05'
point | '(1.5,2)'
line | '{1,2,3}'
lseg | '[(1,2),(3,4)]'
box | '(3,4),(1,2)'
path | '((1,2),(3,4))'
polygon | '((1,2),(3,4))'
circle | '<(1,2),3>'
tsvector | 'a fat cat'
tsquery | 'fat & cat'
int4range | '[1,5)'
int8range | '[1,5)'
numrange | '[1.5,2)'
daterange | '[2024-01-01,2024-02-01)'
tsrange | '[2024-01-01,2024-02-01)'
tstzrange | '[2024-01-01 00:00+00,2024-02-01 00:00+00)'
int4multirange | '{[1,5)}'
floatrange | '[1.5,2)'
pair | '(1,x)'
hstore | 'a=>1'
ltree | 'a.b'
cube | '(1,2)'
seg | '1.5'
pg_lsn | '16/B374D848'
pg_snapshot | '10:20:10,14'
txid_snapshot | '10:20:10,14'
regclass | 'pg_class'
regtype | 'integer'
regrole | 'postgres'
xid | '7'
xid8 | '7'
cid | '7'
tid | '(0,1)'
int2vector | '1 2'
integer[] | '{1,NULL,3}'
integer[] | '{{1,2},{3,4}}'
bigint[] | '{9007199254740993}'
text[] | '{a,NULL}'
varchar(10)[] | '{a}'
name[] | '{a}'
boolean[] | '{t,f}'
real[] | '{1.1}'
numeric(10,2)[] | '{99.95}'
numeric[] | '{1.5}'
numeric[] | '{1.5,NaN}'
money[] | '{1.50}'
date[] | '{2024-02-29}'
time[] | '{12:34:56.123456}'
timestamp[] | '{2024-02-29 12:34:56.123456}'
timestamptz[] | '{2024-02-29 12:34:56.123456+02}'
interval[] | '{1 day}'
uuid[] | '{123e4567-e89b-12d3-a456-426614174000}'
json[] | ARRAY['{"a": 1}'::json]
jsonb[] | ARRAY['{"a": 1}'::jsonb]
xml[] | ARRAY['<a/>'::xml]
bytea[] | ARRAY['\\xdeadbeef'::bytea]
bit(4)[] | '{1010}'
inet[] | '{10.0.0.1}'
cidr[] | '{10.0.0.0/8}'
macaddr[] | '{08:00:2b:01:02:03}'
point[] | ARRAY['(1,2)'::point]
int4range[] | ARRAY['[1,5)'::int4range]
numrange[] | ARRAY['[1.5,2)'::numrange]
tsvector[] | ARRAY['a'::tsvector]
citext[] | '{a}'
mood[] | '{ok}'
posint[] | '{7}'
pair[] | ARRAY['(1,x)'::pair]
oid[] | '{7}'
hstore[] | ARRAY['a=>1'::hstore]
ltree[] | '{a.b}'
smallint[] | '{1}'
double precision[] | '{0.1}'
char(4)[] | '{a}'
"char"[] | '{a}'
timetz[] | '{12:34:56.123456+02}'
varbit(4)[] | '{101}'
macaddr8[] | '{08:00:2b:01:02:03:04:05}'
polygon[] | ARRAY['((1,2),(3,4))'::polygon]
tsrange[] | ARRAY['[2024-01-01,2024-02-01)'::tsrange]
regclass[] | '{pg_class}'
floatrange[] | ARRAY['[1.5,2)'::floatrange]
tags | '{a,b}'
tall | 7
feeling | 'ok'
integer GENERATED ALWAYS AS (id * 0 + 2) STORED | -
integer GENERATED ALWAYS AS (id * 0 + 2) VIRTUAL | - | 18
""".strip().split("\n")]
TYPES = """CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN posint AS integer CHECK (value > 0); CREATE DOMAIN amount AS numeric(10,2);
    CREATE DOMAIN tags AS text[]; CREATE DOMAIN tall AS posint; CREATE DOMAIN feeling AS mood;
    CREATE TYPE pair AS (a int, b text); CREATE TYPE floatrange AS RANGE (subtype = float8)"""


def md(text):
    """As a cell of a table; code."""
    return "`%s`" % text.replace("|", "\\|")


def cell(row, column):
    if column not in row:
        return ABSENT
    value = json.dumps(row[column], ensure_ascii=False)
    return md(value)


def streamed(type_, snapshot, stream):
    """As a cell: the same, mostly.  Whether a generated column is null or not there depends on when the task has read the table."""
    if "GENERATED" in type_ and stream in (ABSENT, md("null")):
        return "`null` or left out"
    return "the same" if stream == snapshot else stream


def documented():
    text = open(DOCS).read()
    return [tuple(c.strip() for c in line.strip().strip("|").replace("\\|", "\0").split("|")) for line in text[text.index(BEGIN) + len(BEGIN):text.index(END)].splitlines()[2:]]


def test():
    database = make_database()
    db = source(database)
    prefix = word("p")
    for extension in "citext", "hstore", "ltree", "cube", "seg":
        if db.one("SELECT 1 FROM pg_available_extensions WHERE name = '%s'" % extension):
            db.rows("CREATE EXTENSION " + extension)
    db.rows(TYPES)
    db.rows("SET timezone = 'UTC'; SET datestyle = 'ISO'; SET lc_monetary = 'C'")
    db.rows("CREATE TABLE t (id int PRIMARY KEY)")
    columns = []
    for n, (type_, value, *since) in enumerate(VALUES):
        value = value.strip()
        try:
            db.rows('ALTER TABLE t ADD COLUMN "c%d" %s' % (n, type_))
        except DbError as error:
            if error.code not in ("42704", "42601") or not (since or type_.strip("[]") in ("citext", "hstore", "ltree", "cube", "seg")):
                raise
            continue
        if since and SOURCE_VERSION < int(since[0]):
            continue
        columns.append(("c%d" % n, type_, value))
    given = [c for c in columns if c[2] != "-"]

    def insert(id_):
        db.rows("INSERT INTO t (id, %s) VALUES (%d, %s)" % (", ".join('"%s"' % c[0] for c in given), id_, ", ".join(c[2] for c in given)))

    insert(1)
    id_ = create(None, ["t"], database, prefix)
    running_ok(id_, "a table with a column of each type")
    insert(2)
    topic = Topic(prefix + ".public.t")
    ok(topic.wait(lambda all_: {1, 2} <= {e["after"]["id"] for e in all_}, 60), "both rows come", lambda: topic.events)
    snapshot = [e["after"] for e in topic.events if e["after"]["id"] == 1][-1]
    stream = [e["after"] for e in topic.events if e["after"]["id"] == 2][-1]
    topic.close()
    rows = [(md(type_), md(value) if value != "-" else "", cell(snapshot, name), streamed(type_, cell(snapshot, name), cell(stream, name))) for name, type_, value in columns]
    if os.environ.get("TYPES_WRITE"):
        text = open(DOCS).read()
        lines = ["| " + " | ".join(row) + " |\n" for row in rows]
        open(DOCS, "w").write(text[:text.index(BEGIN) + len(BEGIN)] + "| type | value | in a snapshot | in the stream |\n|---|---|---|---|\n" + "".join(lines) + text[text.index(END):])
    said = {row[:2]: row for row in documented()}
    for row in rows:
        row = tuple(c.replace("\\|", "\0") for c in row)
        equal(said.get(row[:2]), row, "docs/types.md says what comes of %s %s" % row[:2])
    every = {(md(v[0]).replace("\\|", "\0"), md(v[1].strip()).replace("\\|", "\0") if v[1].strip() != "-" else "") for v in VALUES}
    equal(sorted(set(said) - every), [], "and of no other")
    delete(id_)
    gone_ok(id_)


main(test)
