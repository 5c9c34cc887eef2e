#!/usr/bin/env python3
"""What only Debezium itself can say: it takes two publications by one name, the list of
both.  Of tables without a key it sends inserts, of those with one everything, also after its
task was started anew and when a key is dropped meanwhile; and no statement of the application fails."""
from lib import *


def ops(topic):
    return [(e["op"], (e["after"] or e["before"])["id"]) for e in topic.events]


def test():
    database = make_database()
    db = source(database)
    prefix = word("p")
    db.rows("""CREATE TABLE keyed (id int PRIMARY KEY, note text); CREATE TABLE log (id int, note text);
        CREATE TABLE parted (id int, note text) PARTITION BY RANGE (id); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
        INSERT INTO keyed VALUES (1, 'k'); INSERT INTO log VALUES (1, 'l'); INSERT INTO parted VALUES (1, 'p')""")
    id_ = create(None, ["keyed", "log", "parted"], database, prefix, options={"no_key": "insert_only"})
    running_ok(id_, "tables with a key and without, and inserts alone of those without")
    topics = {t: Topic("%s.public.%s" % (prefix, t)) for t in ("keyed", "log", "parted")}

    def write(n):
        """Each of them, and a row that says that all was sent."""
        for t in topics:
            db.rows("INSERT INTO %s VALUES (%d, 'new'); UPDATE %s SET note = 'changed' WHERE id = %d; DELETE FROM %s WHERE id = %d; INSERT INTO %s VALUES (%d, 'last')" % (t, n, t, n, t, n, t, n + 1))

    def came_ok(n, what, whole):
        for t, topic in topics.items():
            ok(topic.wait(lambda all_: any(e["op"] == "c" and e["after"]["id"] == n + 1 for e in all_)), "%s: %s comes" % (what, t), lambda: topic.events[-5:])
            equal([op for op in ops(topic) if op[1] in (n, n + 1)], [("c", n), ("u", n), ("d", n), ("c", n + 1)] if t in whole else [("c", n), ("c", n + 1)],
                  "%s: of %s %s" % (what, t, "everything" if t in whole else "inserts alone"))

    write(10)
    came_ok(10, "streaming", ("keyed",))
    stored_ok(id_, "the end of its snapshot")
    ok(rest("POST", "/connectors/%s/restart?includeTasks=true" % con(id_))[0] in (202, 204), "its task is started anew")
    write(20)
    came_ok(20, "after that", ("keyed",))
    running_ok(id_, "it runs")
    db.rows("ALTER TABLE keyed DROP CONSTRAINT keyed_pkey")
    wait_ok(lambda: db.one("SELECT count(*) FROM pg_publication_rel m JOIN pg_publication p ON p.oid = m.prpubid WHERE p.pubname = '%s_inserts' AND m.prrelid = 'keyed'::regclass" % obj(id_)) == "1",
            "a key that is dropped makes its table one without")
    write(30)
    came_ok(30, "from then on", ())
    equal(events(id_, "kind = 'gap'"), [], "there was no gap")
    for topic in topics.values():
        equal([op for op in ops(topic) if op[0] == "r"], [("r", 1)], "and one snapshot")
        topic.close()
    delete(id_)
    gone_ok(id_)
    equal(db.lines("SELECT pubname FROM pg_publication"), db.lines("SELECT NULL WHERE false"), "no publication is left")


main(test)
