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

/* A list of names for people: the first twenty, and how many more. */
#define NAMES(expr) \
	"pg_catalog.array_to_string((pg_catalog.array_agg(" expr " ORDER BY " expr "))[1:20], ', ')" \
	" || CASE WHEN count(*) > 20 THEN pg_catalog.format(' and %s more', count(*) - 20) ELSE '' END"

/* The same with another separator, without the "more". */
#define STATEMENTS(expr) \
	"pg_catalog.array_to_string((pg_catalog.array_agg(" expr " ORDER BY " expr "))[1:20], ' ')"

/*
 * Text as its bytes, whatever they are.  Names and messages of shared catalogs
 * may be in another encoding than the database's, and to convert such a text, or to
 * send it from a SQL_ASCII database, is an ERROR.  byteain copies what is no backslash.
 */
#define BYTES(expr) \
	"pg_catalog.replace(" expr ", pg_catalog.chr(92), pg_catalog.repeat(pg_catalog.chr(92), 2))::pg_catalog.bytea"

/* The same for people, as ASCII: such a byte is \374. */
#define ASCII(expr) "pg_catalog.encode(" BYTES(expr) ", 'escape')"

#define EPOCH_US(expr) "(extract(epoch FROM " expr ") * 1000000)::bigint"

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
	EPOCH_US("(pg_catalog.pg_stat_file('pg_replslot/' || r.slot_name::text || '/state', true)).modification") \
	" + 999999) FROM pg_catalog.pg_replication_slots AS r WHERE r.slot_name = ANY (%1$L::pg_catalog.name[])), " \
	/* the history of the timeline that is written now; timeline 1 has none */ \
	"'history', CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.encode(pg_catalog.pg_read_binary_file(" \
	"'pg_wal/' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) || '.history'," \
	" 0, 65536, true), 'escape') END, " \
	"'hba', CASE WHEN f.is_cut THEN pg_catalog.encode(pg_catalog.substring(f.bytes, 1, " CDC_HBA_HEAD "), 'escape') ELSE f.words END, " \
	"'hba_cut', f.is_cut, " \
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
	"CASE WHEN ($1::pg_catalog.jsonb ->> 'full') = 'true' THEN pg_catalog.jsonb_build_object(" \
	"'conf', (SELECT pg_catalog.jsonb_object_agg(g.name, CASE WHEN g.name = 'primary_conninfo'" \
	" THEN (g.setting ~ '(^|[[:space:]])dbname[[:space:]]*=')::text ELSE g.setting END)" \
	" FROM pg_catalog.pg_settings AS g WHERE g.name IN ('hot_standby_feedback', 'primary_slot_name', 'primary_conninfo'," \
	" 'sync_replication_slots', 'synchronized_standby_slots', 'max_slot_wal_keep_size', 'max_replication_slots'))," \
	"'receiver', (SELECT pg_catalog.jsonb_build_object('status', w.status, 'slot', w.slot_name)" \
	" FROM pg_catalog.pg_stat_get_wal_receiver() AS w WHERE w.pid IS NOT NULL)," \
	"'physical', (SELECT pg_catalog.jsonb_agg(l.slot_name) FROM slot AS l WHERE l.slot_type = 'physical' AND l.active)," \
	"'slots', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', l.slot_name, 'database', l.database," \
	" 'fits', l.slot_type = 'logical' AND l.plugin = 'pgoutput', 'temporary', l.temporary, 'active', l.active," \
	" 'lost', " SLOT_LOST ", 'failover', l.j ->> 'failover', 'synced', l.j ->> 'synced'," \
	" 'restart', l.restart_lsn::text, 'flush', l.confirmed_flush_lsn::text)) FROM slot AS l WHERE l.slot_name IN (" \
	"SELECT e.name::pg_catalog.name FROM pg_catalog.jsonb_array_elements_text($1::pg_catalog.jsonb -> 'slots') AS e(name)))) END"

const char *const cdc_source_observe_sql =
"WITH RECURSIVE ask AS MATERIALIZED ("
"  SELECT a.id, a.name, a.tables, a.txid, a.login, a.name::pg_catalog.name AS object,"
"    pg_catalog.jsonb_array_length(a.tables) = 0 AS all_tables,"
"    r.oid AS role, r.rolcanlogin, r.rolreplication, r.rolsuper OR r.rolbypassrls AS sees_all,"
"    r.rolvaliduntil IS NOT NULL AND r.rolvaliduntil < pg_catalog.clock_timestamp() AS expired,"
"    p.oid AS pub, p.puballtables, p.pubviaroot, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate"
"  FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb -> 'pipelines')"
"    AS a(id text, name text, database text, tables pg_catalog.jsonb, txid bigint, login text)"
"  LEFT JOIN LATERAL (SELECT * FROM pg_catalog.pg_roles AS r"
"    WHERE r.rolname = coalesce(a.login, a.name)::pg_catalog.name OFFSET 0) AS r ON true"
"  LEFT JOIN LATERAL (SELECT * FROM pg_catalog.pg_publication AS p"
"    WHERE p.pubname = a.name::pg_catalog.name OFFSET 0) AS p ON true"
"  WHERE a.database = pg_catalog.current_database()::text"
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
"      coalesce($1::pg_catalog.jsonb ->> 'full', 'false')), true, true, '')::text,"
"    '<j>([0-9a-f]*)</j>'), 'hex'), 'UTF8')::pg_catalog.jsonb AS j"
"  WHERE pg_catalog.current_setting('is_superuser') = 'on'"
/* The tables of the filters. */
"), tab AS MATERIALIZED ("
"  SELECT a.id, t.part, c.*"
"  FROM ask AS a"
/* by parts: to_regclass fails in a schema that the administrator may not use */
"  CROSS JOIN LATERAL (SELECT pg_catalog.parse_ident(e.name) AS part"
"    FROM pg_catalog.jsonb_array_elements_text(a.tables) AS e(name) OFFSET 0) AS t"
"  LEFT JOIN LATERAL (SELECT c.oid, c.relnamespace AS nsp, c.relkind, c.relpersistence, c.relrowsecurity,"
"      pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,"
/* without a lock, which pg_table_size() would wait for: as it was last counted */
"      c.relkind = 'r' AND c.relpages < 1280 AND c.reltuples < 20000"
"        AND pg_catalog.pg_stat_get_live_tuples(c.oid) < 20000 AS small,"
"      " CDC_SOURCE_BARE("c") " AS bare"
"    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
"    WHERE n.nspname = t.part[1]::pg_catalog.name AND c.relname = t.part[2]::pg_catalog.name OFFSET 0) AS c ON true"
/* Replica identity is checked by the server on what holds rows: partitions are, partitioned tables are not. */
"), part(id, oid) AS ("
"  SELECT t.id, i.inhrelid FROM tab AS t JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid WHERE t.relkind = 'p'"
"  UNION SELECT p.id, i.inhrelid FROM part AS p JOIN pg_catalog.pg_inherits AS i ON i.inhparent = p.oid"
"), keyless AS MATERIALIZED ("
"  SELECT t.id, t.name FROM tab AS t WHERE t.bare"
"  UNION SELECT p.id, pg_catalog.format('%I.%I', n.nspname, c.relname) FROM part AS p"
"    JOIN pg_catalog.pg_class AS c ON c.oid = p.oid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
"    WHERE " CDC_SOURCE_BARE("c")
"), tabs AS MATERIALIZED ("
"  SELECT t.id,"
"    pg_catalog.array_agg(t.oid) FILTER (WHERE t.oid IS NOT NULL) AS oids,"
"    pg_catalog.bool_and(coalesce(t.small, false)) AND count(*) <= 20 AS small,"
"    (SELECT " NAMES("pg_catalog.format('%I.%I', m.part[1], m.part[2])") " FROM tab AS m WHERE m.id = t.id AND m.oid IS NULL) AS missing,"
"    (SELECT " NAMES("m.name || CASE m.relkind WHEN 'v' THEN ' (view)' WHEN 'm' THEN ' (materialized view)'"
					 "        WHEN 'f' THEN ' (foreign table)' WHEN 'S' THEN ' (sequence)'"
					 "        WHEN 'r' THEN CASE WHEN m.relpersistence = 'u' THEN ' (unlogged table)'"
					 "          WHEN m.relpersistence = 't' THEN ' (temporary table)' ELSE ' (system table)' END"
					 "        ELSE ' (not a table)' END")
"      FROM tab AS m WHERE m.id = t.id AND (m.relkind NOT IN ('r', 'p')"
"        OR m.relpersistence <> 'p' OR m.oid < 16384)) AS bad,"
"    (SELECT " NAMES("m.name") " FROM keyless AS m WHERE m.id = t.id) AS bare,"
"    (SELECT " STATEMENTS("'ALTER TABLE ' || m.name || ' REPLICA IDENTITY FULL;'")
"      FROM keyless AS m WHERE m.id = t.id) AS fix"
"  FROM tab AS t GROUP BY t.id"
/* Every table that FOR ALL TABLES publishes, looked up only when a pipeline asks for all. */
"), every AS MATERIALIZED ("
"  SELECT c.oid, c.relnamespace AS nsp, c.relrowsecurity, n.nspname, c.relname,"
"    NOT c.relispartition AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AS capturable,"
"    " CDC_SOURCE_BARE("c") " AS bare"
"  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
"  WHERE (SELECT pg_catalog.bool_or(a.all_tables) FROM ask AS a)"
"    AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384"
"), bare AS MATERIALIZED ("
"  SELECT " NAMES("f.name") " AS names, "
STATEMENTS("'ALTER TABLE ' || f.name || ' REPLICA IDENTITY FULL;'") " AS fix"
"  FROM (SELECT pg_catalog.format('%I.%I', e.nspname, e.relname) AS name FROM every AS e WHERE e.bare) AS f"
/* What the publications really publish. */
"), member AS MATERIALIZED ("
"  SELECT a.id, m.prrelid AS oid,"
"    pg_catalog.to_jsonb(m) ->> 'prqual' IS NOT NULL AS filtered,"
"    pg_catalog.to_jsonb(m) ->> 'prattrs' IS NOT NULL AS narrowed,"
"    (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c"
"      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = m.prrelid) AS name"
"  FROM ask AS a JOIN pg_catalog.pg_publication_rel AS m ON m.prpubid = a.pub"
"), pub AS MATERIALIZED ("
"  SELECT a.id, pg_catalog.concat_ws('; ',"
"    CASE WHEN a.all_tables AND NOT a.puballtables THEN 'it is not for all tables' END,"
"    (SELECT 'it lacks ' || " NAMES("t.name") " FROM tab AS t WHERE t.id = a.id AND NOT a.puballtables"
"      AND t.oid <> ALL (coalesce(x.oids, '{}'::pg_catalog.oid[])) HAVING count(*) > 0),"
"    CASE WHEN NOT (a.pubinsert AND a.pubupdate AND a.pubdelete AND a.pubtruncate)"
"      THEN 'it does not publish ' || pg_catalog.concat_ws(', ',"
"        CASE WHEN NOT a.pubinsert THEN 'insert' END, CASE WHEN NOT a.pubupdate THEN 'update' END,"
"        CASE WHEN NOT a.pubdelete THEN 'delete' END, CASE WHEN NOT a.pubtruncate THEN 'truncate' END) END,"
"    CASE WHEN NOT a.pubviaroot THEN 'publish_via_partition_root is off' END,"
"    'it has a row filter on ' || x.filtered, 'it has a column list on ' || x.narrowed) AS lacks,"
"    pg_catalog.concat_ws('; ',"
"    CASE WHEN NOT a.all_tables AND a.puballtables THEN 'it is for all tables' END,"
"    CASE WHEN NOT a.all_tables THEN (SELECT 'it also has ' || " NAMES("m.name") " FROM member AS m"
"      WHERE m.id = a.id AND m.oid <> ALL (coalesce(s.oids, '{}'::pg_catalog.oid[])) HAVING count(*) > 0) END,"
/* FOR TABLES IN SCHEMA, 15 and later: seen by its dependency on the publication */
"    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_depend AS d"
"      WHERE d.refclassid = 'pg_catalog.pg_publication'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = a.pub"
"      AND d.classid = pg_catalog.to_regclass('pg_catalog.pg_publication_namespace')::pg_catalog.oid)"
"      THEN 'it also has whole schemas' END) AS besides,"
"    pg_catalog.obj_description(a.pub, 'pg_publication') AS mark"
"  FROM ask AS a"
"  LEFT JOIN tabs AS s ON s.id = a.id"
"  LEFT JOIN (SELECT m.id, pg_catalog.array_agg(m.oid) AS oids,"
"      pg_catalog.string_agg(m.name, ', ' ORDER BY m.name) FILTER (WHERE m.filtered) AS filtered,"
"      pg_catalog.string_agg(m.name, ', ' ORDER BY m.name) FILTER (WHERE m.narrowed) AS narrowed"
"    FROM member AS m GROUP BY m.id) AS x ON x.id = a.id"
"  WHERE a.pub IS NOT NULL"
"), one AS ("
"  SELECT pg_catalog.jsonb_build_object("
"    'id', a.id,"
"    'role_exists', a.role IS NOT NULL,"
"    'role_mark', pg_catalog.shobj_description(a.role, 'pg_authid'),"
"    'role_login', a.rolcanlogin AND NOT a.expired,"
"    'role_replication', a.rolreplication,"
"    'role_hash', su.j -> 'hash' ->> a.name,"
"    'grants_ok', a.role IS NOT NULL AND pg_catalog.has_database_privilege(a.role, here.oid, 'CONNECT')"
"      AND CASE WHEN a.all_tables THEN NOT EXISTS (SELECT FROM every AS e WHERE e.capturable"
"          AND NOT (pg_catalog.has_schema_privilege(a.role, e.nsp, 'USAGE')"
"            AND pg_catalog.has_table_privilege(a.role, e.oid, 'SELECT')"
"            AND (a.sees_all OR NOT e.relrowsecurity)))"
"        ELSE NOT EXISTS (SELECT FROM tab AS t WHERE t.id = a.id AND t.oid IS NOT NULL"
"          AND NOT (pg_catalog.has_schema_privilege(a.role, t.nsp, 'USAGE')"
"            AND pg_catalog.has_table_privilege(a.role, t.oid, 'SELECT')"
"            AND (a.sees_all OR NOT t.relrowsecurity))) END,"
/*
 * What a REVOKE of our own grants does not take away: anything but rights on
 * relations, schemas and the database here; and of a role that was disarmed
 * because it could not be dropped, anything at all.
 */
"    'role_dependents', EXISTS (SELECT FROM pg_catalog.pg_shdepend AS d"
"      WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = a.role"
"      AND NOT (d.deptype = 'a' AND (a.rolcanlogin OR a.rolreplication) AND ("
"        (d.dbid = here.oid AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid)"
"        OR (d.dbid = here.oid AND d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid)"
"        OR (d.classid = 'pg_catalog.pg_database'::pg_catalog.regclass::pg_catalog.oid AND d.objid = here.oid)))),"
"    'missing', s.missing, 'bad', s.bad, 'small', s.small,"
"    'no_identity', CASE WHEN a.all_tables THEN bare.names ELSE s.bare END,"
"    'fix', CASE WHEN a.all_tables THEN bare.fix ELSE s.fix END,"
"    'pub_exists', a.pub IS NOT NULL, 'pub_mark', p.mark,"
"    'pub_lacks', nullif(p.lacks, ''), 'pub_besides', nullif(p.besides, ''),"
"    'slot', CASE WHEN l.slot_name IS NOT NULL THEN pg_catalog.jsonb_build_object("
"      'fits', l.slot_type = 'logical' AND l.plugin = 'pgoutput' AND NOT l.temporary"
"        AND l.database = pg_catalog.current_database(),"
"      'lost', " SLOT_LOST ","
"      'failover', l.j ->> 'failover',"
/* whose session holds it: the connector's, whose role may have been dropped under it, ours, or whose? */
"      'user', (SELECT CASE WHEN v.usesysid = a.role OR v.usename IS NULL AND v.application_name = 'Debezium Streaming' THEN 'role'"
"        WHEN v.usename = current_user AND v.application_name = 'cdc_pipeline' THEN 'us'"
"        ELSE pg_catalog.format('pid %s (user %s, application %s)', v.pid, v.usename,"
"          coalesce(nullif(v.application_name, ''), 'unnamed')) END"
"        FROM session AS v WHERE v.pid = l.active_pid),"
"      'since', (SELECT " EPOCH_US("v.backend_start") " FROM session AS v WHERE v.pid = l.active_pid),"
"      'active', l.active, 'pid', l.active_pid,"
/* one that has fallen behind is told as catching up, and streams as well */
"      'streaming', EXISTS (SELECT FROM sender AS w WHERE w.pid = l.active_pid AND w.state IN ('catchup', 'streaming')),"
"      'restart', l.restart_lsn::text, 'flush', l.confirmed_flush_lsn::text,"
"      'made', su.j -> 'made' -> a.name) END,"
/* 32 bits of an id against the next one: what lies ahead is not given out yet */
"    'tx', CASE WHEN a.txid IS NOT NULL AND NOT pg_catalog.pg_is_in_recovery() THEN ("
"      SELECT CASE WHEN d.distance >= 0 THEN 'future' WHEN d.next + d.distance < 3 THEN NULL"
"        ELSE pg_catalog.pg_xact_status((d.next + d.distance)::text::pg_catalog.xid8) END"
"      FROM (SELECT n.next, (a.txid - n.next % 4294967296 + 6442450944) % 4294967296 - 2147483648 AS distance"
"        FROM (SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint AS next) AS n) AS d) END,"
"    'sessions', (SELECT " EPOCH_US("min(v.backend_start)") " FROM session AS v WHERE v.usesysid = a.role"
"      AND (a.login IS NULL OR v.application_name = a.name OR v.pid = l.active_pid))"
"  ) AS j"
"  FROM ask AS a"
"  CROSS JOIN (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()) AS here"
"  CROSS JOIN bare"
"  LEFT JOIN su ON true"
"  LEFT JOIN tabs AS s ON s.id = a.id"
"  LEFT JOIN pub AS p ON p.id = a.id"
"  LEFT JOIN slot AS l ON l.slot_name = a.object"
")"
/* of what is not ours the reader makes valid text */
"SELECT CASE WHEN pg_catalog.getdatabaseencoding() IN ('UTF8', 'SQL_ASCII') THEN " BYTES("answer.words")
"  ELSE pg_catalog.convert_to(answer.words, 'UTF8') END FROM (SELECT pg_catalog.jsonb_build_object("
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
"  'now', " EPOCH_US("pg_catalog.clock_timestamp()") ","
"  'started', " EPOCH_US("pg_catalog.pg_postmaster_start_time()") ","
"  'free_slots', pg_catalog.current_setting('max_replication_slots')::integer - (SELECT count(*) FROM slot),"
"  'free_senders', pg_catalog.current_setting('max_wal_senders')::integer - (SELECT count(*) FROM sender),"
"  'blocker', (SELECT b.words FROM blocker AS b),"
"  'superuser', pg_catalog.current_setting('is_superuser') = 'on',"
"  'history', (SELECT su.j ->> 'history' FROM su),"
"  'node', " NODE ","
"  'hba', (SELECT su.j ->> 'hba' FROM su),"
"  'hba_cut', (SELECT su.j -> 'hba_cut' FROM su),"
"  'hba_error', (SELECT su.j ->> 'error' FROM su),"
"  'pipelines', coalesce((SELECT pg_catalog.jsonb_agg(o.j) FROM one AS o), '[]'::pg_catalog.jsonb))::text AS words OFFSET 0) AS answer";

static struct json_object *
names_of(const char *const *slots, int n)
{
	struct json_object *names = json_object_new_array();
	int			i;

	for (i = 0; i < n; i++)
		json_object_array_add(names, json_object_new_string(slots[i]));
	return names;
}

char *
cdc_source_ask_node(const char *const *slots, int n)
{
	struct json_object *object = json_object_new_object();
	char	   *result;

	json_object_object_add(object, "full", json_object_new_boolean(true));
	json_object_object_add(object, "pipelines", json_object_new_array());
	json_object_object_add(object, "slots", names_of(slots, n));
	result = pstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	return result;
}

const char *const cdc_source_watch_sql =
"SELECT s.slot_name, pg_catalog.concat_ws(' ', s.active_pid, w.state, s.confirmed_flush_lsn)"
" FROM pg_catalog.pg_get_replication_slots() AS s"
" LEFT JOIN pg_catalog.pg_stat_get_wal_senders() AS w ON w.pid = s.active_pid"
" WHERE s.slot_name IN (SELECT e.name::pg_catalog.name FROM pg_catalog.jsonb_array_elements_text($1::pg_catalog.jsonb) AS e(name))";

char *
cdc_source_watch(const char *const *slots, int n)
{
	struct json_object *names = names_of(slots, n);
	char	   *result = pstrdup(json_object_to_json_string_ext(names, JSON_C_TO_STRING_PLAIN));

	json_object_put(names);
	return result;
}

char *
cdc_source_ask(const CdcSourceAsk *asks, int n, bool full)
{
	struct json_object *object = json_object_new_object();
	struct json_object *pipelines = json_object_new_array();
	char	   *result;
	int			i;

	for (i = 0; i < n; i++)
	{
		struct json_object *one = json_object_new_object();
		struct json_object *tables = json_object_new_array();
		int			k;

		for (k = 0; k < asks[i].ntables; k++)
			json_object_array_add(tables, json_object_new_string(asks[i].tables[k]));
		json_object_object_add(one, "id", json_object_new_string(asks[i].pipeline_id));
		json_object_object_add(one, "name", json_object_new_string(asks[i].name));
		json_object_object_add(one, "database", json_object_new_string(asks[i].database));
		json_object_object_add(one, "tables", tables);
		if (asks[i].login != NULL)
			json_object_object_add(one, "login", json_object_new_string(asks[i].login));
		if (asks[i].txid != 0)
			json_object_object_add(one, "txid", json_object_new_int64(asks[i].txid));
		json_object_array_add(pipelines, one);
	}
	json_object_object_add(object, "full", json_object_new_boolean(full));
	json_object_object_add(object, "pipelines", pipelines);
	result = pstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	return result;
}

/* A member's text, copied; NULL when there is none. */
static const char *
copied(struct json_object *object, const char *key)
{
	const char *value = cdc_json_string(object, key);

	return value != NULL ? pstrdup(value) : NULL;
}

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

	p->pipeline_id = copied(j, "id");
	p->role_exists = cdc_json_true(j, "role_exists");
	p->role_mark = copied(j, "role_mark");
	p->role_login = cdc_json_true(j, "role_login");
	p->role_replication = cdc_json_true(j, "role_replication");
	p->role_password_hash = copied(j, "role_hash");
	p->grants_ok = cdc_json_true(j, "grants_ok");
	p->role_has_dependents = cdc_json_true(j, "role_dependents");

	p->tables_missing = copied(j, "missing");
	p->tables_bad_kind = copied(j, "bad");
	p->tables_no_identity = copied(j, "no_identity");
	p->tables_fix = copied(j, "fix");
	p->tables_small = cdc_json_true(j, "small");

	p->pub_exists = cdc_json_true(j, "pub_exists");
	p->pub_mark = copied(j, "pub_mark");
	p->pub_ok = p->pub_exists && lacks == NULL && besides == NULL;
	p->pub_lacks = p->pub_exists && lacks != NULL;
	if (lacks != NULL && besides != NULL)
		p->pub_wrong = psprintf("%s; %s", lacks, besides);
	else if (lacks != NULL || besides != NULL)
		p->pub_wrong = pstrdup(lacks ? lacks : besides);

	p->slot_failover = cdc_json_true(slot, "failover") ||
		(cdc_json_string(slot, "failover") != NULL && strcmp(cdc_json_string(slot, "failover"), "true") == 0);
	p->slot_user = copied(slot, "user");
	p->slot_exists = slot != NULL;
	p->slot_fits = cdc_json_true(slot, "fits");
	p->slot_lost_why = copied(slot, "lost");
	p->slot_lost = p->slot_lost_why != NULL;
	p->slot_active = cdc_json_true(slot, "active");
	p->slot_pid = cdc_json_int(slot, "pid");
	p->slot_since_us = cdc_json_time(slot, "since");
	p->slot_streaming = cdc_json_true(slot, "streaming");
	p->slot_consistent = cdc_json_string(slot, "flush") != NULL;
	p->restart_lsn = cdc_lsn_member(slot, "restart");
	p->confirmed_flush_lsn = cdc_lsn_member(slot, "flush");
	p->slot_made_us = cdc_json_time(slot, "made");
	p->tx_status = copied(j, "tx");
	p->sessions_since_us = cdc_json_time(j, "sessions");
}

CdcSourceObs *
cdc_source_parse(const char *json)
{
	struct json_object *j = cdc_json_parse(json);
	struct json_object *pipelines = cdc_json_array(j, "pipelines");
	const char *value;
	CdcSourceObs *obs;
	int			i;
	uint64		system_identifier = number(cdc_json_string(j, "system_identifier"), 10, PG_UINT64_MAX);
	uint64		timeline;

	value = cdc_json_string(j, "timeline");
	timeline = value && value[0] == 'x' ? number(value + 1, 16, PG_UINT32_MAX) : number(value, 10, PG_UINT32_MAX);
	if (pipelines == NULL || system_identifier == 0 || timeline == 0)
	{
		json_object_put(j);
		return NULL;
	}

	obs = palloc0(sizeof(CdcSourceObs));
	obs->in_recovery = cdc_json_true(j, "in_recovery");
	obs->system_identifier = system_identifier;
	obs->timeline = (uint32) timeline;
	obs->version = cdc_json_int(j, "version");
	obs->wal_level = copied(j, "wal_level");
	obs->wal_lsn = cdc_lsn_member(j, "wal_lsn");
	obs->now_us = cdc_json_time(j, "now");
	obs->started_us = cdc_json_time(j, "started");
	obs->free_slots = cdc_json_int(j, "free_slots");
	obs->free_senders = cdc_json_int(j, "free_senders");
	obs->blocker = copied(j, "blocker");
	obs->is_superuser = cdc_json_true(j, "superuser");
	obs->hba_error = copied(j, "hba_error");
	value = cdc_json_string(j, "hba");
	obs->hba_text = value != NULL ? cdc_hba_decode(value) : NULL;
	obs->hba_cut = cdc_json_true(j, "hba_cut");

	cdc_source_read_node(obs, j);

	obs->n = (int) json_object_array_length(pipelines);
	obs->pipelines = palloc0(sizeof(CdcSourcePipeline) * (obs->n + 1));
	for (i = 0; i < obs->n; i++)
		read_pipeline(&obs->pipelines[i], json_object_array_get_idx(pipelines, i));
	json_object_put(j);
	return obs;
}

const CdcSourcePipeline *
cdc_source_find(const CdcSourceObs *obs, const char *pipeline_id)
{
	int			i;

	for (i = 0; i < obs->n; i++)
	{
		if (obs->pipelines[i].pipeline_id != NULL &&
			strcmp(obs->pipelines[i].pipeline_id, pipeline_id) == 0)
			return &obs->pipelines[i];
	}
	return NULL;
}
