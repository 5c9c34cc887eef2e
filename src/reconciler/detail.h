/*
 * detail.h
 *	  The words that a rule's message may quote from the observation.
 *
 * A rule says "waiting for the source: {source_error}"; the worker holds one
 * string a detail (NULL: nothing seen).  Pure.
 */
#ifndef CDC_DETAIL_H
#define CDC_DETAIL_H

#include <stddef.h>

/* X(enum suffix, name in messages, what it holds) */
#define CDC_DETAIL_LIST(X) \
	X(SOURCE_ERROR, "source_error", "why no primary of the source answers") \
	X(SOURCE_CAPABILITY, "source_capability", "what the source lacks: version, wal_level, database") \
	X(CONNECT_ERROR, "connect_error", "why Kafka Connect did not answer or refused") \
	X(PLUGIN_WORKERS, "plugin_workers", "the Connect workers that lack the plugin") \
	X(PLUGIN_WANTED, "plugin_wanted", "the version of the plugin that is wanted") \
	X(AGENTS, "agents", "which agent does not answer, works, or failed, and why") \
	X(NETWORK, "network", "what is waited for between the two networks") \
	X(NETWORK_STUCK, "network_stuck", "after which time a network is called stuck") \
	X(NETWORK_SIDE, "network_side", "the side that has a network_id") \
	X(SOURCE_ZONE, "source_zone", "zone id of the source") \
	X(SINK_ZONE, "sink_zone", "zone id of the sink") \
	X(PENDING, "pending", "the service or addon that is not running yet, with its status") \
	X(ROLE, "role", "what is wrong with the connector role") \
	X(TABLES, "tables", "tables that are missing, of a bad kind, or without identity") \
	X(TABLES_FIX, "tables_fix", "the ALTER TABLE statements to type") \
	X(COLUMNS, "columns", "columns, or tables, that would not come as they are, and what helps") \
	X(HBA, "hba", "node, line or error that pg_hba is about") \
	X(PUBLICATION, "publication", "what is wrong with the publication") \
	X(CONNECTOR, "connector", "what is wrong with the connector's configuration") \
	X(SLOT, "slot", "what is wrong with the slot") \
	X(BLOCKER, "blocker", "the oldest write transaction, or the neighbour that creates its slot") \
	X(OLDER_WRITER, "older_writer", "the connector that still writes to the topics") \
	X(STRANGER, "stranger", "the connector of somebody else that has the same topic.prefix") \
	X(FAILURE, "failure", "the failed task's message, redacted, one line") \
	X(SNAPSHOT, "snapshot", "how often the snapshot was interrupted, when the next begins, and why") \
	X(GAP, "gap", "from which LSN, which tables") \
	X(FAILOVER, "failover", "from which node to which, and the verdict") \
	X(OTHER_PRIMARY, "other_primary", "the node that claims to be primary too") \
	X(STANDBY_SLOTS, "standby_slots", "physical slots that are waited for, and that no standby uses") \
	X(PAUSE_UNSAFE, "pause_unsafe", "why a stopped connector would lose its slot") \
	X(PAUSE_WAL, "pause_wal", "how much WAL the slot of a paused pipeline keeps, of how much, and until when that lasts") \
	X(SLOT_WAL, "slot_wal", "how much WAL the slot holds back, of how much") \
	X(MOVING, "moving", "since when confirmed_flush_lsn stands still, and what waits") \
	X(STREAM, "stream", "since when nothing streams, and why") \
	X(LEFT_BEHIND, "left_behind", "what a forced delete leaves")

typedef enum CdcDetail
{
#define X(id, name, descr) CDC_DETAIL_##id,
	CDC_DETAIL_LIST(X)
#undef X
	CDC_NUM_DETAILS
} CdcDetail;

extern const char *cdc_detail_name(CdcDetail detail);

/*
 * Writes message with every {name} replaced into buf (always terminated, cut
 * at size).  An unknown or NULL detail becomes "not known yet".  Returns the
 * length that the whole text would have had.
 */
extern size_t cdc_detail_expand(char *buf, size_t size, const char *message,
								const char *const details[CDC_NUM_DETAILS]);

#endif							/* CDC_DETAIL_H */
