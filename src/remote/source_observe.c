/*
 * source_observe.c
 *	  One query that observes everything about many pipelines at once on a
 *	  source server, and the reading of its answer.
 *
 * No I/O.  The query writes nothing, takes no lock that conflicts with
 * anything but DROP, and works on a hot standby and on PostgreSQL 14 to 18:
 * columns that not every version has are read by way of to_jsonb.  It runs as
 * an administrator in a database where anybody may have made functions and
 * operators, so names are qualified and operands have exactly the types of
 * pg_catalog's operators.  The connection says jit=off: with thousands of
 * tables the estimate is above jit_above_cost, and compiling takes a hundred
 * times as long as the query.
 */
#include "remote/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/lsn.h"
#include "remote/pg_hba.h"
#include "remote/source_parts.h"

/* What to type for the first twenty of them. */
#define FIX(expr, which) \
	"pg_catalog.array_to_string(" CDC_SOURCE_FIRST("pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY FULL;', " expr ")", which) ", ' ')"

/* Oids and identities of the first hundred, for cdc_source_set_identity_sql. */
#define BARE_LIST(t) "pg_catalog.jsonb_object_agg(" t ".oid, " t ".relreplident) FILTER (WHERE " t ".n <= 100)"

/* A comment of ours is far shorter; what is as long as this is nobody's mark. */
#define MARK(expr) "pg_catalog.left(" expr ", 1000)"

/* Text as its bytes for people, as ASCII: such a byte is \374. */
#define ASCII(expr) "pg_catalog.encode(" CDC_SOURCE_BYTES(expr) ", 'escape')"

/* Patroni's own sessions on a server that it runs (patroni/postgresql/connection.py). */
#define BY_PATRONI "v.application_name IN ('Patroni heartbeat', 'Patroni restapi')"

/*
 * Patroni says its version to nobody.  What it asks each loop begins as follows since
 * 4.1.0, from which on it leaves failover slots alone, and as the other before
 * (patroni/postgresql/__init__.py, Postgresql.cluster_info_query).
 */
#define PATRONI_ASKS "pg_catalog.max(CASE WHEN pg_catalog.strpos(v.query, 'received_tli END, pg_catalog.pg_wal_lsn_diff(written_lsn') > 0 THEN 'new'" \
	" WHEN pg_catalog.strpos(v.query, 'received_tli END, slot_name') > 0 THEN 'old' END)"

/*
 * What only a superuser may call.  PostgreSQL checks the right to a function
 * or table when a query starts, taken branch or not, so this part is a query
 * of its own that runs only for a superuser.  %1$L: names, %2$s: full.
 * Its result travels in hex, so that XML has nothing to escape.
 */
#define SUPERUSER_QUERY \
	"SELECT pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_build_object(" \
	"'hash', (SELECT pg_catalog.json_object_agg(u.rolname, pg_catalog.encode(pg_catalog.sha256(" \
	"pg_catalog.convert_to(u.rolpassword, 'UTF8')), 'hex'))" \
	" FROM pg_catalog.pg_authid AS u WHERE u.rolname = ANY (%1$L::pg_catalog.name[])), " \
	/* pg_stat_file knows whole seconds: the last moment that it may mean */ \
	"'made', (SELECT pg_catalog.json_object_agg(r.slot_name, " \
	CDC_SOURCE_EPOCH_US("(pg_catalog.pg_stat_file('pg_replslot/' || r.slot_name::text || '/state', true)).modification") \
	" + 999999) FROM pg_catalog.pg_replication_slots AS r WHERE r.slot_name = ANY (%1$L::pg_catalog.name[])), " \
	/* the history of the timeline that is written now; timeline 1 has none */ \
	"'history', CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.encode(pg_catalog.pg_read_binary_file(" \
	"'pg_wal/' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) || '.history'," \
	" 0, 65536, true), 'escape') END, " \
	"'hba', CASE WHEN f.is_cut THEN pg_catalog.encode(pg_catalog.substring(f.bytes, 1, " CDC_HBA_HEAD "), 'escape') ELSE f.words END, " \
	"'hba_cut', f.is_cut, " \
	"'patroni', CASE WHEN %2$s AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS v WHERE " BY_PATRONI ") THEN pg_catalog.encode(" \
	"pg_catalog.pg_read_binary_file('" CDC_PATRONI_FILE "', 0, " CDC_PATRONI_FILE_MAX ", true), 'escape') END, " \
	"'error', CASE WHEN %2$s THEN (SELECT pg_catalog.string_agg(pg_catalog.format('line %%s: %%s', " \
	"h.line_number, " ASCII("h.error") "), '; ' ORDER BY h.line_number)" \
	" FROM (SELECT * FROM pg_catalog.pg_hba_file_rules AS r WHERE r.error IS NOT NULL ORDER BY r.line_number LIMIT 20) AS h) END" \
	")::text, 'UTF8'), 'hex') AS j" \
	/* a byte more than may be there, so that a larger file is seen to be one */ \
	" FROM (SELECT r.bytes, e.words, pg_catalog.length(e.words) > " CDC_HBA_MAX " AS is_cut" \
	" FROM (SELECT CASE WHEN %2$s THEN pg_catalog.pg_read_binary_file(pg_catalog.current_setting('hba_file'), 0, " CDC_HBA_MAX " + 1, true) END AS bytes) AS r" \
	" CROSS JOIN LATERAL (SELECT pg_catalog.encode(r.bytes, 'escape') AS words OFFSET 0) AS e) AS f"

/* Why a slot (l, with l.j) cannot be decoded from any more, or NULL. */
#define SLOT_LOST \
	"CASE WHEN l.j ->> 'invalidation_reason' IS NOT NULL THEN 'invalidated: ' || (l.j ->> 'invalidation_reason')" \
	" WHEN (l.j ->> 'wal_status') = 'lost' THEN 'its WAL was removed (max_slot_wal_keep_size)'" \
	" WHEN (l.j ->> 'conflicting') = 'true' THEN 'it conflicted with recovery' END"

/*
 * What makes a node a good standby, and the slots of the asked names on it;
 * primary_conninfo holds a password and is not fetched.
 */
#define NODE \
	"CASE WHEN (g.j ->> 'full') = 'true' THEN pg_catalog.jsonb_build_object(" \
	"'conf', (SELECT pg_catalog.jsonb_object_agg(c.name, CASE WHEN c.name = 'primary_conninfo'" \
	" THEN (c.setting ~ '(^|[[:space:]])dbname[[:space:]]*=')::text ELSE c.setting END)" \
	" FROM pg_catalog.pg_settings AS c WHERE c.name IN ('hot_standby_feedback', 'primary_slot_name', 'primary_conninfo'," \
	" 'sync_replication_slots', 'synchronized_standby_slots', 'max_slot_wal_keep_size', 'idle_replication_slot_timeout', 'max_replication_slots', 'wal_level', 'pg_failover_slots.synchronize_slot_names'))," \
	"'patroni', EXISTS (SELECT FROM session AS v WHERE " BY_PATRONI ")," \
	"'patroni_asks', (SELECT " PATRONI_ASKS " FROM session AS v WHERE " BY_PATRONI ")," \
	"'receiver', (SELECT pg_catalog.jsonb_build_object('status', w.status, 'slot', w.slot_name)" \
	" FROM pg_catalog.pg_stat_get_wal_receiver() AS w WHERE w.pid IS NOT NULL)," \
	"'physical', (SELECT pg_catalog.jsonb_agg(l.slot_name) FROM slot AS l WHERE l.slot_type = 'physical' AND l.active)," \
	"'slots', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', l.slot_name, 'database', l.database," \
	" 'fits', l.slot_type = 'logical' AND l.plugin = 'pgoutput', 'temporary', l.temporary, 'active', l.active," \
	" 'lost', " SLOT_LOST ", 'failover', l.j ->> 'failover', 'synced', l.j ->> 'synced'," \
	" 'restart', l.restart_lsn::text, 'flush', l.confirmed_flush_lsn::text)) FROM slot AS l WHERE l.slot_name IN (" \
	"SELECT e.name::pg_catalog.name FROM pg_catalog.jsonb_array_elements_text(g.j -> 'slots') AS e(name)))) END"

/*
 * Each table, role, session and so on is read once, and belongs to who asked by the
 * number of that question: joins are by equality, so that they are hashed, and lists
 * are aggregates.  What is looked up by an index is in a LATERAL with OFFSET 0.
 */
const char *const cdc_source_observe_sql =
"WITH RECURSIVE given AS MATERIALIZED ("
"  SELECT $1::pg_catalog.jsonb AS j"
"), ask AS MATERIALIZED ("
"  SELECT a.nr, a.e ->> 0 AS name, (a.e ->> 0)::pg_catalog.name AS object, a.e -> 1 AS tables,"
"    (a.e ->> 2)::bigint AS txid, a.e ->> 3 AS login, pg_catalog.jsonb_array_length(a.e -> 1) = 0 AS all_tables,"
"    coalesce((a.e -> 4 ->> 'inserts')::boolean, false) AS inserts, coalesce((a.e -> 4 ->> 'bare')::boolean, false) AS lists_bare,"
"    coalesce((a.e -> 4 ->> 'rels')::boolean, false) AS lists_relations, a.e -> 4 -> 'unlogged' AS unlogged, (a.e -> 4 ->> 'given')::bigint AS given_after,"
"    coalesce((a.e -> 4 ->> 'trig')::boolean, false) AS with_trigger,"
"    r.oid AS role, r.rolcanlogin, r.rolreplication, r.rolsuper OR r.rolbypassrls AS sees_all,"
"    r.rolvaliduntil IS NOT NULL AND r.rolvaliduntil < pg_catalog.clock_timestamp() AS expired,"
"    p.oid AS pub, p.puballtables, p.pubviaroot, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate"
"  FROM given AS g CROSS JOIN LATERAL pg_catalog.jsonb_array_elements("
"    CASE WHEN g.j ->> 'database' = pg_catalog.current_database()::text THEN g.j -> 'pipelines' ELSE '[]' END) WITH ORDINALITY AS a(e, nr)"
"  LEFT JOIN LATERAL (SELECT r.oid, r.rolcanlogin, r.rolreplication, r.rolsuper, r.rolbypassrls, r.rolvaliduntil FROM pg_catalog.pg_roles AS r"
"    WHERE r.rolname = coalesce(a.e ->> 3, a.e ->> 0)::pg_catalog.name OFFSET 0) AS r ON true"
"  LEFT JOIN LATERAL (SELECT * FROM pg_catalog.pg_publication AS p"
"    WHERE p.pubname = (a.e ->> 0)::pg_catalog.name OFFSET 0) AS p ON true"
"), slot AS MATERIALIZED ("
"  SELECT s.*, pg_catalog.to_jsonb(s) AS j FROM pg_catalog.pg_replication_slots AS s"
"), sender AS MATERIALIZED ("
"  SELECT w.pid, w.state FROM pg_catalog.pg_stat_get_wal_senders() AS w"
"), session AS MATERIALIZED ("
"  SELECT * FROM pg_catalog.pg_stat_activity AS v"
/*
 * Who holds up the creation of a slot: it waits for every transaction that
 * writes, in all databases, prepared ones included.
 */
"), blocker AS ("
"  SELECT b.words FROM ("
"    SELECT v.xact_start AS since, pg_catalog.format('pid %s (user %s, application %s), open since %s, %s',"
"      v.pid, v.usename, coalesce(nullif(v.application_name, ''), 'unnamed'),"
"      pg_catalog.to_char(pg_catalog.timezone('UTC', v.xact_start), 'YYYY-MM-DD HH24:MI:SS \"UTC\"'),"
"      coalesce(v.state, v.backend_type)) AS words"
"    FROM session AS v"
"    WHERE v.backend_xid IS NOT NULL AND v.pid <> pg_catalog.pg_backend_pid()"
"    UNION ALL"
"    SELECT x.prepared, pg_catalog.format('prepared transaction \"%s\" (user %s, database %s), open since %s',"
"      x.gid, x.owner, x.database,"
"      pg_catalog.to_char(pg_catalog.timezone('UTC', x.prepared), 'YYYY-MM-DD HH24:MI:SS \"UTC\"'))"
"    FROM pg_catalog.pg_prepared_xacts AS x) AS b"
"  WHERE b.since < pg_catalog.clock_timestamp() - '2 s'::pg_catalog.interval"
"  ORDER BY b.since LIMIT 1"
"), su AS MATERIALIZED ("
"  SELECT pg_catalog.convert_from(pg_catalog.decode(pg_catalog.substring("
"    pg_catalog.query_to_xml(pg_catalog.format($cdc$" SUPERUSER_QUERY "$cdc$,"
"      (SELECT coalesce(pg_catalog.array_agg(ask.object), '{}'::pg_catalog.name[]) FROM ask),"
"      coalesce(g.j ->> 'full', 'false')), true, true, '')::text,"
"    '<j>([0-9a-f]*)</j>'), 'hex'), 'UTF8')::pg_catalog.jsonb AS j"
"  FROM given AS g WHERE pg_catalog.current_setting('is_superuser') = 'on'"
/* Of superusers only: the verifier's hash and the slot's age, by the name. */
"), hash AS MATERIALIZED ("
"  SELECT h.key, h.value FROM su CROSS JOIN LATERAL pg_catalog.jsonb_each_text("
"    CASE WHEN pg_catalog.jsonb_typeof(su.j -> 'hash') = 'object' THEN su.j -> 'hash' ELSE '{}' END) AS h"
"), made AS MATERIALIZED ("
"  SELECT m.key, m.value FROM su CROSS JOIN LATERAL pg_catalog.jsonb_each("
"    CASE WHEN pg_catalog.jsonb_typeof(su.j -> 'made') = 'object' THEN su.j -> 'made' ELSE '{}' END) AS m"
/* The tables of the filters. */
"), tab AS MATERIALIZED ("
"  SELECT a.nr, a.pub, t.part, c.*, pg_catalog.has_schema_privilege(a.role, c.nsp, 'USAGE')"
"    AND pg_catalog.has_table_privilege(a.role, c.oid, 'SELECT') AND (a.sees_all OR NOT c.relrowsecurity) AS granted"
"  FROM ask AS a"
/* by parts: to_regclass fails in a schema that the administrator may not use */
"  CROSS JOIN LATERAL (SELECT pg_catalog.parse_ident(e.name) AS part"
"    FROM pg_catalog.jsonb_array_elements_text(a.tables) AS e(name) OFFSET 0) AS t"
"  LEFT JOIN LATERAL (SELECT c.oid, c.relnamespace AS nsp, c.relkind, c.relpersistence, c.relrowsecurity, c.relreplident,"
"      pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,"
/* without a lock, which pg_table_size() would wait for: as it was last counted */
"      c.relkind = 'r' AND c.relpages < 1280 AND c.reltuples < 20000"
"        AND pg_catalog.pg_stat_get_live_tuples(c.oid) < 20000 AS small,"
"      " CDC_SOURCE_BARE("c") " AS bare"
"    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
"    WHERE n.nspname = t.part[1]::pg_catalog.name AND c.relname = t.part[2]::pg_catalog.name OFFSET 0) AS c ON true"
/* Replica identity is checked by the server on what holds rows: partitions are, partitioned tables are not. */
"), part(nr, root, oid) AS ("
"  SELECT t.nr, t.oid, i.inhrelid FROM tab AS t JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid WHERE t.relkind = 'p'"
"  UNION SELECT p.nr, p.root, i.inhrelid FROM part AS p JOIN pg_catalog.pg_inherits AS i ON i.inhparent = p.oid"
"), keyless AS MATERIALIZED ("
"  SELECT t.nr, t.oid, t.oid AS root, t.name, t.relreplident FROM tab AS t WHERE t.bare"
"  UNION SELECT p.nr, p.oid, p.root, c.name, c.relreplident FROM part AS p"
"    CROSS JOIN LATERAL (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, c.relreplident FROM pg_catalog.pg_class AS c"
"      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = p.oid AND " CDC_SOURCE_BARE("c") " OFFSET 0) AS c"
"), keys AS MATERIALIZED ("
"  SELECT k.nr, " CDC_SOURCE_NAMES("k.name", "true") " AS bare, " FIX("k.name", "true") " AS fix, " BARE_LIST("k") " AS list"
"  FROM (SELECT d.*, pg_catalog.row_number() OVER (PARTITION BY d.nr ORDER BY d.oid) AS n"
"    FROM (SELECT DISTINCT k.nr, k.oid, k.name, k.relreplident FROM keyless AS k) AS d) AS k GROUP BY k.nr"
"), " CDC_SOURCE_PAIR
/* What the publications really publish. */
"), member AS MATERIALIZED ("
"  SELECT a.nr, m.prrelid AS oid,"
"    w.j ->> 'prqual' IS NOT NULL AS filtered, w.j ->> 'prattrs' IS NOT NULL AS narrowed,"
"    NOT a.all_tables AND t.oid IS NULL AS besides,"
/* its UPDATE is refused now, where that is not what was asked for */
"    a.inserts AND b.pub = a.pub AND m.prrelid IN (SELECT k.root FROM keyless AS k WHERE k.nr = a.nr) AS failing"
"  FROM ask AS a JOIN (SELECT a.nr, a.pub FROM ask AS a UNION ALL SELECT p.nr, p.second FROM pair AS p) AS b ON b.nr = a.nr"
"  JOIN pg_catalog.pg_publication_rel AS m ON m.prpubid = b.pub"
"  CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(m) AS j OFFSET 0) AS w"
"  LEFT JOIN tab AS t ON t.nr = a.nr AND t.oid = m.prrelid"
"), members AS MATERIALIZED ("
"  SELECT m.nr, " CDC_SOURCE_NAMES("m.name", "m.besides") " AS besides, " CDC_SOURCE_NAMES("m.name", "m.filtered") " AS filtered, "
CDC_SOURCE_NAMES("m.name", "m.narrowed") " AS narrowed, " CDC_SOURCE_NAMES("m.name", "m.failing") " AS failing"
"  FROM (SELECT m.*, (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c"
"      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = m.oid) AS name"
"    FROM member AS m WHERE m.besides OR m.filtered OR m.narrowed OR m.failing) AS m GROUP BY m.nr"
"), tabs AS MATERIALIZED ("
"  SELECT t.nr, pg_catalog.bool_and(t.granted) FILTER (WHERE t.oid IS NOT NULL) AS granted,"
"    pg_catalog.bool_and(coalesce(t.small, false)) AND count(*) <= 20 AS small,"
"    " CDC_SOURCE_NAMES("pg_catalog.format('%I.%I', t.part[1], t.part[2])", "t.oid IS NULL") " AS missing,"
"    " CDC_SOURCE_NAMES("t.name || CASE t.relkind WHEN 'v' THEN ' (view)' WHEN 'm' THEN ' (materialized view)'"
						"        WHEN 'f' THEN ' (foreign table)' WHEN 'S' THEN ' (sequence)'"
						"        WHEN 'r' THEN CASE WHEN t.relpersistence = 'u' THEN ' (unlogged table)'"
						"          WHEN t.relpersistence = 't' THEN ' (temporary table)' ELSE ' (system table)' END"
						"        ELSE ' (not a table)' END",
						"t.relkind NOT IN ('r', 'p') OR t.relpersistence <> 'p' OR t.oid < 16384") " AS bad,"
"    " CDC_SOURCE_NAMES("t.name", "t.pub IS NOT NULL AND t.oid IS NOT NULL AND m.oid IS NULL") " AS unpublished"
"  FROM tab AS t LEFT JOIN member AS m ON m.nr = t.nr AND m.oid = t.oid GROUP BY t.nr"
/* Every table that FOR ALL TABLES publishes, looked up only when a pipeline asks for all. */
"), every AS MATERIALIZED ("
"  SELECT c.oid, c.relnamespace AS nsp, c.relrowsecurity, c.relreplident, c.relkind, n.nspname, c.relname,"
"    NOT c.relispartition AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AS capturable,"
"    " CDC_SOURCE_BARE("c") " AS bare"
"  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
"  WHERE (SELECT pg_catalog.bool_or(a.all_tables) FROM ask AS a)"
"    AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384"
"), bare AS MATERIALIZED ("
"  SELECT " CDC_SOURCE_NAMES("f.name", "true") " AS names, " FIX("f.name", "true") " AS fix, " BARE_LIST("f") " AS list"
"  FROM (SELECT e.oid, e.relreplident, pg_catalog.row_number() OVER (ORDER BY e.oid) AS n,"
"      pg_catalog.format('%I.%I', e.nspname, e.relname) AS name FROM every AS e WHERE e.bare) AS f"
"), " CDC_SOURCE_RELATIONS
"), " CDC_SOURCE_TRIGGER
/* Pids, and who logged in when. */
"), pid AS MATERIALIZED ("
"  SELECT DISTINCT ON (v.pid) v.pid, v.usesysid, v.usename, v.application_name, v.backend_start FROM session AS v ORDER BY v.pid, v.backend_start"
"), login AS MATERIALIZED ("
"  SELECT v.usesysid, v.application_name, min(v.backend_start) AS since FROM session AS v WHERE v.usesysid IS NOT NULL GROUP BY v.usesysid, v.application_name"
"), logins AS MATERIALIZED ("
"  SELECT v.usesysid, min(v.since) AS since FROM login AS v GROUP BY v.usesysid"
"), streams AS MATERIALIZED ("
/* one that has fallen behind is told as catching up, and streams as well */
"  SELECT DISTINCT w.pid FROM sender AS w WHERE w.state IN ('catchup', 'streaming')"
"), heartbeat AS MATERIALIZED ("
"  SELECT p.oid FROM pg_catalog.pg_proc AS p WHERE " CDC_SOURCE_HEARTBEAT
"), setting AS MATERIALIZED ("
"  SELECT g.setrole, g.setconfig FROM pg_catalog.pg_db_role_setting AS g"
"  WHERE g.setdatabase = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())"
"), one AS ("
"  SELECT a.nr, pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object("
"    'nr', a.nr,"
"    'role_exists', a.role IS NOT NULL,"
"    'role_mark', " MARK("pg_catalog.shobj_description(a.role, 'pg_authid')") ","
"    'role_login', a.rolcanlogin AND NOT a.expired,"
"    'role_replication', a.rolreplication,"
"    'role_hash', h.value,"
"    'grants_ok', a.role IS NOT NULL AND pg_catalog.has_database_privilege(a.role, here.oid, 'CONNECT')"
"      AND NOT EXISTS (SELECT FROM heartbeat AS b WHERE NOT pg_catalog.has_function_privilege(a.role, b.oid, 'EXECUTE'))"
"      AND CASE WHEN a.all_tables THEN NOT EXISTS (SELECT FROM every AS e WHERE e.capturable"
"          AND NOT (pg_catalog.has_schema_privilege(a.role, e.nsp, 'USAGE')"
"            AND pg_catalog.has_table_privilege(a.role, e.oid, 'SELECT')"
"            AND (a.sees_all OR NOT e.relrowsecurity)))"
"        ELSE coalesce(s.granted, true) END,"
/* what would end its sessions: of our own role what is not set for it, of another what is */
"    'timeouts', CASE WHEN a.role IS NULL THEN NULL WHEN a.login IS NULL THEN ("
"        SELECT pg_catalog.string_agg(t.name, ', ' ORDER BY t.name) FROM " CDC_SOURCE_TIMEOUTS
"        WHERE NOT t.name || '=0' = ANY (coalesce(c.setconfig, '{}'::text[])))"
"      ELSE (SELECT pg_catalog.string_agg(x.words, ', ' ORDER BY x.words) FROM " CDC_SOURCE_TIMEOUTS
"        CROSS JOIN LATERAL (SELECT i.words FROM (VALUES (here.oid, a.role, 1), (0::pg_catalog.oid, a.role, 2),"
"            (here.oid, 0::pg_catalog.oid, 3), (0::pg_catalog.oid, 0::pg_catalog.oid, 4)) AS e(database, role, nr)"
"          JOIN pg_catalog.pg_db_role_setting AS g ON g.setdatabase = e.database AND g.setrole = e.role"
"          CROSS JOIN pg_catalog.unnest(g.setconfig) AS i(words)"
"          WHERE pg_catalog.starts_with(i.words, t.name || '=') ORDER BY e.nr LIMIT 1) AS x"
"        WHERE x.words <> t.name || '=0') END,"
/*
 * What a REVOKE of our own grants does not take away: anything but rights on
 * relations, schemas and the database here; and of a role that was disarmed
 * because it could not be dropped, anything at all.
 */
"    'role_dependents', EXISTS (SELECT FROM pg_catalog.pg_shdepend AS d"
"      WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = a.role"
"      AND NOT (d.deptype = 'a' AND (a.rolcanlogin OR a.rolreplication) AND ("
"        (d.dbid = here.oid AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid)"
"        OR (d.dbid = here.oid AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid"
"          AND EXISTS (SELECT FROM heartbeat AS b WHERE b.oid = d.objid))"
"        OR (d.dbid = here.oid AND d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid)"
"        OR (d.classid = 'pg_catalog.pg_database'::pg_catalog.regclass::pg_catalog.oid AND d.objid = here.oid)))),"
"    'missing', s.missing, 'bad', s.bad, 'small', s.small,"
"    'no_identity', CASE WHEN a.all_tables THEN bare.names ELSE k.bare END,"
"    'fix', CASE WHEN a.all_tables THEN bare.fix ELSE k.fix END,"
"    'bare', CASE WHEN NOT a.lists_bare THEN NULL WHEN a.all_tables THEN bare.list ELSE k.list END,"
"    'trigger', CASE WHEN a.with_trigger THEN (SELECT trig.state FROM trig) END, 'given', (SELECT w.list FROM given_identity AS w WHERE w.nr = a.nr),"
"    'listed', CASE WHEN a.lists_relations THEN true END, 'relations', r.list, 'unlogged', CASE WHEN a.lists_relations AND a.all_tables THEN unlogged.list END, 'logged', g.names,"
"    'pub_exists', a.pub IS NOT NULL, 'pub_beside', x.second IS NOT NULL OR x.both IS NOT NULL, 'pub_mark', " MARK("pg_catalog.obj_description(a.pub, 'pg_publication')") ","
"    'pub_lacks', CASE WHEN a.pub IS NOT NULL THEN nullif(pg_catalog.concat_ws('; ',"
"      CASE WHEN a.all_tables AND NOT a.puballtables THEN 'it is not for all tables' END,"
"      CASE WHEN NOT a.puballtables THEN 'it lacks ' || s.unpublished END,"
"      CASE WHEN NOT (a.pubinsert AND a.pubupdate AND a.pubdelete AND a.pubtruncate)"
"        THEN 'it does not publish ' || pg_catalog.concat_ws(', ',"
"          CASE WHEN NOT a.pubinsert THEN 'insert' END, CASE WHEN NOT a.pubupdate THEN 'update' END,"
"          CASE WHEN NOT a.pubdelete THEN 'delete' END, CASE WHEN NOT a.pubtruncate THEN 'truncate' END) END,"
"      CASE WHEN NOT a.pubviaroot THEN 'publish_via_partition_root is off' END,"
"      CASE WHEN NOT a.inserts THEN NULL WHEN x.second IS NULL THEN 'the one beside it is missing'"
"        WHEN NOT (x.pubinsert AND x.pubviaroot) THEN 'the one beside it does not publish insert, or not by way of partition roots' END,"
"      'it has a row filter on ' || m.filtered, 'it has a column list on ' || m.narrowed), '') END,"
"    'pub_besides', CASE WHEN a.pub IS NOT NULL THEN nullif(pg_catalog.concat_ws('; ',"
"      CASE WHEN NOT a.all_tables AND a.puballtables THEN 'it is for all tables' END,"
"      CASE WHEN x.more OR x.puballtables THEN 'the one beside it publishes more than insert of its tables' END,"
"      CASE WHEN a.inserts AND x.both IS NULL THEN 'the one named after both is missing' END,"
"      'UPDATE is refused on ' || m.failing || ', which have no key',"
"      'it also has ' || m.besides,"
/* FOR TABLES IN SCHEMA, 15 and later: seen by its dependency on the publication */
"      CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_depend AS d"
"        WHERE d.refclassid = 'pg_catalog.pg_publication'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = a.pub"
"        AND d.classid = pg_catalog.to_regclass('pg_catalog.pg_publication_namespace')::pg_catalog.oid)"
"        THEN 'it also has whole schemas' END), '') END,"
"    'slot', CASE WHEN l.slot_name IS NOT NULL THEN pg_catalog.jsonb_build_object("
"      'fits', l.slot_type = 'logical' AND l.plugin = 'pgoutput' AND NOT l.temporary"
"        AND l.database = pg_catalog.current_database(),"
"      'lost', " SLOT_LOST ","
"      'failover', l.j ->> 'failover',"
/* whose session holds it: the connector's, whose role may have been dropped under it, ours, or whose? */
"      'user', CASE WHEN v.usesysid = a.role OR v.usename IS NULL AND v.application_name = 'Debezium Streaming' THEN 'role'"
"        WHEN v.usename = current_user AND v.application_name = 'cdc_pipeline' THEN 'us'"
"        WHEN v.pid IS NOT NULL THEN pg_catalog.format('pid %s (user %s, application %s)', v.pid, v.usename,"
"          coalesce(nullif(v.application_name, ''), 'unnamed')) END,"
"      'since', " CDC_SOURCE_EPOCH_US("v.backend_start") ","
"      'active', l.active, 'pid', l.active_pid, 'streaming', w.pid IS NOT NULL,"
"      'restart', l.restart_lsn::text, 'flush', l.confirmed_flush_lsn::text, 'made', d.value) END,"
/* 32 bits of an id against the next one: what lies ahead is not given out yet */
"    'tx', CASE WHEN a.txid IS NOT NULL AND NOT pg_catalog.pg_is_in_recovery() THEN ("
"      SELECT CASE WHEN d.distance >= 0 THEN 'future' WHEN d.next + d.distance < 3 THEN NULL"
"        ELSE pg_catalog.pg_xact_status((d.next + d.distance)::text::pg_catalog.xid8) END"
"      FROM (SELECT n.next, (a.txid - n.next % 4294967296 + 6442450944) % 4294967296 - 2147483648 AS distance"
"        FROM (SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint AS next) AS n) AS d) END,"
/* of a role that others use too: those that say that they are this pipeline's, and its walsender */
"    'sessions', " CDC_SOURCE_EPOCH_US("CASE WHEN a.login IS NULL THEN u.since"
									   "      ELSE least(n.since, CASE WHEN v.usesysid = a.role THEN v.backend_start END) END")
"  ))::text AS words"
"  FROM ask AS a"
"  CROSS JOIN (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()) AS here"
"  CROSS JOIN bare"
"  CROSS JOIN unlogged"
"  LEFT JOIN relation AS r ON r.nr = a.nr"
"  LEFT JOIN logged AS g ON g.nr = a.nr"
"  LEFT JOIN setting AS c ON c.setrole = a.role"
"  LEFT JOIN tabs AS s ON s.nr = a.nr"
"  LEFT JOIN keys AS k ON k.nr = a.nr"
"  LEFT JOIN pair AS x ON x.nr = a.nr"
"  LEFT JOIN members AS m ON m.nr = a.nr"
"  LEFT JOIN slot AS l ON l.slot_name = a.object"
"  LEFT JOIN pid AS v ON v.pid = l.active_pid"
"  LEFT JOIN streams AS w ON w.pid = l.active_pid"
"  LEFT JOIN hash AS h ON h.key = a.name"
"  LEFT JOIN made AS d ON d.key = a.name"
"  LEFT JOIN logins AS u ON u.usesysid = a.role"
"  LEFT JOIN login AS n ON n.usesysid = a.role AND n.application_name = a.name"
"), server AS ("
"  SELECT pg_catalog.jsonb_build_object("
"  'in_recovery', pg_catalog.pg_is_in_recovery(),"
"  'system_identifier', (SELECT s.system_identifier FROM pg_catalog.pg_control_system() AS s)::text,"
/* the control file lags behind a promotion until its checkpoint is done */
"  'timeline', CASE WHEN pg_catalog.pg_is_in_recovery() THEN (SELECT greatest(c.timeline_id,"
"      (SELECT r.min_recovery_end_timeline FROM pg_catalog.pg_control_recovery() AS r),"
"      (SELECT w.received_tli FROM pg_catalog.pg_stat_get_wal_receiver() AS w))"
"      FROM pg_catalog.pg_control_checkpoint() AS c)::text"
"    ELSE 'x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) END,"
"  'version', pg_catalog.current_setting('server_version_num')::integer,"
"  'wal_level', pg_catalog.current_setting('wal_level'),"
"  'wal_lsn', CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
"    ELSE pg_catalog.pg_current_wal_lsn() END::text,"
"  'now', " CDC_SOURCE_EPOCH_US("pg_catalog.clock_timestamp()") ","
"  'started', " CDC_SOURCE_EPOCH_US("pg_catalog.pg_postmaster_start_time()") ","
"  'free_slots', pg_catalog.current_setting('max_replication_slots')::integer - (SELECT count(*) FROM slot),"
"  'free_senders', pg_catalog.current_setting('max_wal_senders')::integer - (SELECT count(*) FROM sender),"
"  'blocker', (SELECT b.words FROM blocker AS b),"
"  'superuser', pg_catalog.current_setting('is_superuser') = 'on',"
"  'replication', (SELECT r.rolreplication FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user),"
"  'history', (SELECT su.j ->> 'history' FROM su),"
"  'node', " NODE ","
"  'hba', (SELECT su.j ->> 'hba' FROM su),"
"  'hba_cut', (SELECT su.j -> 'hba_cut' FROM su),"
"  'hba_error', (SELECT su.j ->> 'error' FROM su),"
"  'patroni', (SELECT su.j ->> 'patroni' FROM su))::text AS words FROM given AS g"
")"
/* of what is not ours the reader makes valid text */
"SELECT CASE WHEN pg_catalog.getdatabaseencoding() IN ('UTF8', 'SQL_ASCII') THEN " CDC_SOURCE_BYTES("answer.words")
"  ELSE pg_catalog.convert_to(answer.words, 'UTF8') END FROM ("
"  SELECT 0 AS nr, server.words FROM server"
/* the first is told in any case, the others as far as there is room */
"  UNION ALL SELECT o.nr, o.words FROM (SELECT o.nr, o.words, pg_catalog.sum(pg_catalog.length(o.words)) OVER (ORDER BY o.nr) AS length FROM one AS o) AS o"
"    WHERE o.nr = 1 OR o.length <= " CDC_SOURCE_LOOK_ROOM
"  ORDER BY 1 OFFSET 0) AS answer";

char *
cdc_source_ask(const CdcSourceAsk *asks, int n, bool full)
{
	struct json_object *object = json_object_new_object();
	struct json_object *pipelines = json_object_new_array();
	char	   *result;
	const char *installation = NULL;
	int			i;

	for (i = 0; i < n; i++)
	{
		struct json_object *one = json_object_new_array();

		installation = asks[i].installation ? asks[i].installation : installation;
		json_object_array_add(one, json_object_new_string(asks[i].name));
		json_object_array_add(one, cdc_source_names(asks[i].tables, asks[i].ntables));
		json_object_array_add(one, asks[i].txid != 0 ? json_object_new_int64(asks[i].txid) : NULL);
		json_object_array_add(one, asks[i].login != NULL ? json_object_new_string(asks[i].login) : NULL);
		if (asks[i].inserts_only || asks[i].lists_bare || asks[i].lists_relations || asks[i].installation)
			json_object_array_add(one, cdc_source_ask_more(&asks[i]));
		json_object_array_add(pipelines, one);
	}
	if (full)
		json_object_object_add(object, "full", json_object_new_boolean(true));
	if (n > 0)
		json_object_object_add(object, "database", json_object_new_string(asks[0].database));
	if (installation)
		json_object_object_add(object, "trigger", cdc_source_ask_trigger(installation));
	json_object_object_add(object, "pipelines", pipelines);
	result = pstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	return result;
}

/* A member's text, copied; NULL when there is none. */
/* A number in digits of base 10 or 16 and nothing else, from 1 to most; 0: it is none. */
static uint64
number(const char *words, int base, uint64 most)
{
	uint64		value;

	if (words == NULL || words[0] == '\0' || words[strspn(words, base == 10 ? "0123456789" : "0123456789ABCDEFabcdef")] != '\0')
		return 0;
	errno = 0;
	value = strtoull(words, NULL, base);
	return errno == 0 && value <= most ? value : 0;
}

static void
read_pipeline(CdcSourcePipeline *p, struct json_object *j)
{
	struct json_object *slot = cdc_json_get(j, "slot");
	const char *lacks = cdc_json_string(j, "pub_lacks");
	const char *besides = cdc_json_string(j, "pub_besides");

	p->number = cdc_json_int(j, "nr");
	p->role_exists = cdc_json_true(j, "role_exists");
	p->role_mark = cdc_json_strdup(j, "role_mark");
	p->role_login = cdc_json_true(j, "role_login");
	p->role_replication = cdc_json_true(j, "role_replication");
	p->role_password_hash = cdc_json_strdup(j, "role_hash");
	p->role_timeouts = cdc_json_strdup(j, "timeouts");
	p->grants_ok = cdc_json_true(j, "grants_ok");
	p->role_has_dependents = cdc_json_true(j, "role_dependents");

	p->tables_missing = cdc_json_strdup(j, "missing");
	p->tables_bad_kind = cdc_json_strdup(j, "bad");
	p->tables_no_identity = cdc_json_strdup(j, "no_identity");
	p->tables_fix = cdc_json_strdup(j, "fix");
	p->logged = cdc_json_strdup(j, "logged");
	cdc_source_read_tables(p, j);
	p->tables_small = cdc_json_true(j, "small");

	p->pub_exists = cdc_json_true(j, "pub_exists");
	p->pub_beside = cdc_json_true(j, "pub_beside");
	p->pub_mark = cdc_json_strdup(j, "pub_mark");
	p->pub_ok = p->pub_exists && lacks == NULL && besides == NULL;
	p->pub_lacks = p->pub_exists && lacks != NULL;
	if (lacks != NULL && besides != NULL)
		p->pub_wrong = psprintf("%s; %s", lacks, besides);
	else if (lacks != NULL || besides != NULL)
		p->pub_wrong = pstrdup(lacks ? lacks : besides);

	p->slot_failover = cdc_json_true(slot, "failover") ||
		(cdc_json_string(slot, "failover") != NULL && strcmp(cdc_json_string(slot, "failover"), "true") == 0);
	p->slot_user = cdc_json_strdup(slot, "user");
	p->slot_exists = slot != NULL;
	p->slot_fits = cdc_json_true(slot, "fits");
	p->slot_lost_why = cdc_json_strdup(slot, "lost");
	p->slot_lost = p->slot_lost_why != NULL;
	p->slot_active = cdc_json_true(slot, "active");
	p->slot_pid = cdc_json_int(slot, "pid");
	p->slot_since_us = cdc_json_time(slot, "since");
	p->slot_streaming = cdc_json_true(slot, "streaming");
	p->slot_consistent = cdc_json_string(slot, "flush") != NULL;
	p->restart_lsn = cdc_lsn_member(slot, "restart");
	p->confirmed_flush_lsn = cdc_lsn_member(slot, "flush");
	p->slot_made_us = cdc_json_time(slot, "made");
	p->tx_status = cdc_json_strdup(j, "tx");
	p->sessions_since_us = cdc_json_time(j, "sessions");
}

CdcSourceObs *
cdc_source_parse(const char *const *rows, int n)
{
	struct json_object *j = n > 0 ? cdc_json_parse(rows[0]) : NULL;
	const char *value;
	CdcSourceObs *obs;
	uint64		system_identifier = number(cdc_json_string(j, "system_identifier"), 10, PG_UINT64_MAX);
	uint64		timeline;

	value = cdc_json_string(j, "timeline");
	timeline = value && value[0] == 'x' ? number(value + 1, 16, PG_UINT32_MAX) : number(value, 10, PG_UINT32_MAX);
	if (system_identifier == 0 || timeline == 0)
	{
		json_object_put(j);
		return NULL;
	}

	obs = palloc0(sizeof(CdcSourceObs));
	obs->in_recovery = cdc_json_true(j, "in_recovery");
	obs->system_identifier = system_identifier;
	obs->timeline = (uint32) timeline;
	obs->version = cdc_json_int(j, "version");
	obs->wal_level = cdc_json_strdup(j, "wal_level");
	obs->wal_lsn = cdc_lsn_member(j, "wal_lsn");
	obs->now_us = cdc_json_time(j, "now");
	obs->started_us = cdc_json_time(j, "started");
	obs->free_slots = cdc_json_int(j, "free_slots");
	obs->free_senders = cdc_json_int(j, "free_senders");
	obs->blocker = cdc_json_strdup(j, "blocker");
	obs->is_superuser = cdc_json_true(j, "superuser");
	obs->may_replicate = obs->is_superuser || cdc_json_true(j, "replication");
	obs->hba_error = cdc_json_strdup(j, "hba_error");
	value = cdc_json_string(j, "hba");
	obs->hba_text = value != NULL ? cdc_hba_decode(value) : NULL;
	obs->hba_cut = cdc_json_true(j, "hba_cut");
	cdc_source_read_node(obs, j);
	json_object_put(j);

	obs->pipelines = palloc0(sizeof(CdcSourcePipeline) * n);
	for (; obs->n < n - 1; obs->n++)
	{
		CdcSourcePipeline *p = &obs->pipelines[obs->n];

		j = cdc_json_parse(rows[obs->n + 1]);
		read_pipeline(p, j);
		json_object_put(j);
		if (p->number <= (obs->n > 0 ? p[-1].number : 0))
			return NULL;
	}
	return obs;
}

static int
by_number(const void *a, const void *b)
{
	int			left = ((const CdcSourcePipeline *) a)->number;
	int			right = ((const CdcSourcePipeline *) b)->number;

	return (left > right) - (left < right);
}

const CdcSourcePipeline *
cdc_source_find(const CdcSourceObs *obs, int asked)
{
	CdcSourcePipeline wanted = {.number = asked + 1};

	return bsearch(&wanted, obs->pipelines, obs->n, sizeof(CdcSourcePipeline), by_number);
}
