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

#endif							/* CDC_SOURCE_PARTS_H */
