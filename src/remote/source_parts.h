/*
 * source_parts.h
 *	  What the files of a source's vocabulary share; used by source*.c alone.
 */
#ifndef CDC_SOURCE_PARTS_H
#define CDC_SOURCE_PARTS_H

#include "common/object_names.h"
#include "remote/source.h"

/*
 * Is a row of pg_class (by its alias) a table whose UPDATE and DELETE the server
 * refuses once they are published?  As RelationGetIndexList() and
 * CheckCmdReplicaIdentity() see it: a deferrable key and one whose index is not
 * valid are none.
 */
#define CDC_SOURCE_BARE(c) \
	"(" c ".relkind = 'r' AND " c ".relpersistence = 'p' AND NOT (" c ".relreplident = 'f'" \
	" OR EXISTS (SELECT FROM pg_catalog.pg_index AS x WHERE x.indrelid = " c ".oid" \
	" AND x.indisvalid AND x.indisunique AND x.indimmediate AND x.indpred IS NULL" \
	" AND ((" c ".relreplident = 'd' AND x.indisprimary) OR (" c ".relreplident = 'i' AND x.indisreplident)))))"

/* The first twenty of a group's rows that are meant, in order. */
#define CDC_SOURCE_FIRST(expr, which) \
	"(pg_catalog.array_agg(" expr " ORDER BY " expr ") FILTER (WHERE " which "))[1:20]"

/* A list of names for people: the first twenty, and how many more; NULL: there are none. */
#define CDC_SOURCE_NAMES(expr, which) \
	"pg_catalog.array_to_string(" CDC_SOURCE_FIRST(expr, which) ", ', ')" \
	" || CASE WHEN count(*) FILTER (WHERE " which ") > 20" \
	" THEN pg_catalog.format(' and %s more', count(*) FILTER (WHERE " which ") - 20) ELSE '' END"

/*
 * Text as its bytes, whatever they are.  Names and messages of shared catalogs
 * may be in another encoding than the database's, and to convert such a text, or to
 * send it from a SQL_ASCII database, is an ERROR.  byteain copies what is no backslash.
 */
#define CDC_SOURCE_BYTES(expr) \
	"pg_catalog.replace(" expr ", pg_catalog.chr(92), pg_catalog.repeat(pg_catalog.chr(92), 2))::pg_catalog.bytea"

#define CDC_SOURCE_EPOCH_US(expr) "(extract(epoch FROM " expr ") * 1000000)::bigint"

/*
 * Every table that a pipeline for all tables captures: alias c and n.  Not the
 * partitions: their rows are captured by way of their root, and what the role
 * may not read is not taken into the snapshot (debezium.c).
 */
#define CDC_SOURCE_CAPTURED \
	"pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace " \
	"WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND NOT c.relispartition AND c.oid >= 16384::pg_catalog.oid " \
	"AND n.nspname <> 'pg_catalog'::pg_catalog.name AND n.nspname <> 'information_schema'::pg_catalog.name"

/*
 * The part of the look's query that lists what holds the rows of the captured tables,
 * and what is unlogged: see CdcSourcePipeline.  Counts are the server's statistics.
 * attached: what is made as a partition is in one transaction what it is.
 */
#define CDC_SOURCE_RELATIONS \
	"relation AS MATERIALIZED (" \
	"  SELECT r.nr, pg_catalog.jsonb_object_agg(c.oid, pg_catalog.jsonb_build_array(pg_catalog.format('%I.%I', n.nspname, c.relname)," \
	"      c.relfilenode::bigint, coalesce(i.inhparent, 0)::bigint, pg_catalog.pg_stat_get_live_tuples(c.oid)," \
	"      pg_catalog.pg_stat_get_tuples_inserted(c.oid), i.xmin <> y.xmin)) AS list" \
	"  FROM (SELECT t.nr, t.oid FROM ask AS a JOIN tab AS t ON t.nr = a.nr WHERE a.lists_relations AND t.relkind = 'r'" \
	"    UNION SELECT p.nr, p.oid FROM ask AS a JOIN part AS p ON p.nr = a.nr WHERE a.lists_relations" \
	"    UNION SELECT a.nr, e.oid FROM ask AS a CROSS JOIN (SELECT e.oid FROM every AS e LIMIT 1000) AS e WHERE a.lists_relations AND a.all_tables) AS r" \
	"  JOIN pg_catalog.pg_class AS c ON c.oid = r.oid AND c.relkind = 'r' JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace" \
	"  LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid AND c.relispartition" \
	"  LEFT JOIN pg_catalog.pg_type AS y ON y.oid = c.reltype GROUP BY r.nr HAVING count(*) <= 200" \
	"), unlogged AS MATERIALIZED (" \
	"  SELECT pg_catalog.jsonb_agg(c.oid::bigint ORDER BY c.oid) AS list FROM (SELECT c.oid FROM pg_catalog.pg_class AS c" \
	"    WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND c.oid >= 16384" \
	"    AND (SELECT pg_catalog.bool_or(a.lists_relations AND a.all_tables) FROM ask AS a) ORDER BY c.oid LIMIT 1000) AS c" \
	"), logged AS MATERIALIZED (" \
	"  SELECT o.nr, pg_catalog.array_to_string((pg_catalog.array_agg(c.name ORDER BY c.name))[1:20], ', ') AS names" \
	"  FROM (SELECT a.nr, o.oid::pg_catalog.oid AS oid FROM ask AS a CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(a.unlogged) AS o(oid)) AS o" \
	"  JOIN (SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class AS c" \
	"    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relpersistence = 'p') AS c ON c.oid = o.oid GROUP BY o.nr"

/*
 * The part of the look's query about the event triggers that the question names, one row
 * or none, and the tables that have been made since, with fn the oid of their function.
 */
#define CDC_SOURCE_TRIGGER_FUNCTION "give_identity"
#define CDC_SOURCE_TRIGGER \
	"trig AS MATERIALIZED (" \
	"  SELECT f.oid AS fn, CASE WHEN n.oid IS NULL AND NOT coalesce(e.strange, false) THEN NULL" \
	"      WHEN coalesce(e.strange, false) OR pg_catalog.obj_description(n.oid, 'pg_namespace') IS DISTINCT FROM i.mark THEN 'foreign'" \
	"      WHEN e.disabled THEN 'off'" \
	"      WHEN f.oid IS NULL OR e.n <> 2 OR f.prosecdef OR f.prosrc <> i.body OR f.proconfig IS DISTINCT FROM '{\"search_path=pg_catalog, pg_temp\",lock_timeout=1ms}'::text[]" \
	"      THEN 'wrong' ELSE 'ok' END AS state" \
	"  FROM given AS g CROSS JOIN LATERAL (SELECT g.j -> 'trigger' ->> 0 AS name, g.j -> 'trigger' ->> 1 AS mark, g.j -> 'trigger' ->> 2 AS body) AS i" \
	"  LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = i.name::pg_catalog.name" \
	"  LEFT JOIN pg_catalog.pg_proc AS f ON f.pronamespace = n.oid AND f.proname = '" CDC_SOURCE_TRIGGER_FUNCTION "'::pg_catalog.name AND f.pronargs = 0" \
	"  LEFT JOIN LATERAL (SELECT count(*) AS n, pg_catalog.bool_or(t.evtfoid IS DISTINCT FROM f.oid) AS strange," \
	"      pg_catalog.bool_or(t.evtenabled NOT IN ('O', 'A')) AS disabled FROM pg_catalog.pg_event_trigger AS t" \
	"    WHERE t.evtname IN (i.name::pg_catalog.name, (i.name || '" CDC_TRIGGER_DROP "')::pg_catalog.name)) AS e ON true" \
	"  WHERE i.name IS NOT NULL" \
	"), given_identity AS MATERIALIZED (" \
	"  SELECT a.nr, (SELECT pg_catalog.jsonb_object_agg(w.oid, 'd') FROM (SELECT e.oid FROM every AS e CROSS JOIN trig" \
	"      WHERE e.relkind = 'r' AND e.relreplident = 'f' AND e.oid > trig.fn AND e.oid::bigint > a.given_after" \
	"        AND NOT EXISTS (SELECT FROM pg_catalog.pg_index AS x WHERE x.indrelid = e.oid AND x.indisprimary) ORDER BY e.oid LIMIT 100) AS w) AS list" \
	"  FROM ask AS a WHERE a.given_after IS NOT NULL"

/* What the question says of an installation's event triggers: name, mark, body. */
struct json_object;
extern struct json_object *cdc_source_ask_trigger(const char *installation);

/* What a publication has of its tables. */
#define CDC_SOURCE_PUBLISH "'insert, update, delete, truncate'"

/*
 * The part of the look's query about the two publications beside the pipeline's own,
 * where tables without a key have their inserts published: see source_inserts.c.
 */
#define CDC_SOURCE_PAIR \
	"pair AS MATERIALIZED (" \
	"  SELECT a.nr, b.oid AS second, b.pubinsert, b.pubviaroot, b.puballtables, b.pubupdate OR b.pubdelete OR b.pubtruncate AS more, l.oid AS both" \
	"  FROM ask AS a" \
	"  LEFT JOIN LATERAL (SELECT * FROM pg_catalog.pg_publication AS p WHERE p.pubname = (a.name || '" CDC_INSERTS_END "')::pg_catalog.name OFFSET 0) AS b ON true" \
	"  LEFT JOIN LATERAL (SELECT * FROM pg_catalog.pg_publication AS p" \
	"    WHERE p.pubname = (a.name || ',' || a.name || '" CDC_INSERTS_END "')::pg_catalog.name OFFSET 0) AS l ON true WHERE a.inserts"

/* The beginning of a command's block: its names and mark, its tables; what refuses a publication that another one has marked; the whole. */
extern void cdc_source_begin_block(StringInfo block, const CdcSourceAsk *ask);
extern void cdc_source_append_tables(StringInfo block, const CdcSourceAsk *ask);
extern void cdc_source_append_judged(StringInfo block, const char *judged);
extern char *cdc_source_as_do(StringInfo block);

/* What few ask for, as the last member of a question. */
extern struct json_object *cdc_source_ask_more(const CdcSourceAsk *ask);

/* What a row of a look says of single tables. */
extern void cdc_source_read_tables(CdcSourcePipeline *pipeline, struct json_object *row);

/* A JSON array of n names. */
extern struct json_object *cdc_source_names(const char *const *names, int n);

#endif							/* CDC_SOURCE_PARTS_H */
