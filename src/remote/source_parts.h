/*
 * source_parts.h
 *	  What the files of a source's vocabulary share; used by source*.c alone.
 */
#ifndef CDC_SOURCE_PARTS_H
#define CDC_SOURCE_PARTS_H

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

/* A list of names for people: the first twenty, and how many more. */
#define CDC_SOURCE_NAMES(expr) \
	"pg_catalog.array_to_string((pg_catalog.array_agg(" expr " ORDER BY " expr "))[1:20], ', ')" \
	" || CASE WHEN count(*) > 20 THEN pg_catalog.format(' and %s more', count(*) - 20) ELSE '' END"

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

#endif							/* CDC_SOURCE_PARTS_H */
