/*
 * checks.c
 *	  See checks.h.
 */
#include "postgres.h"

#include "worker/world/checks.h"

static const CdcFinding checks[] =
{
	[CDC_CHECK_ADDRESS_REFUSED] = {
		.check_name = "address_refused",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "an address of the server itself, or a network of cdc_pipeline.member_networks",
		.why = "members would reach what is on the metadata server and beside it; a service that is registered now would be refused"
	},
	[CDC_CHECK_AGENT_SECRET_PATH] = {
		.check_name = "agent_secret_path",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.why = "a configuration that says so would make Kafka Connect read other files; the agent is not believed"
	},
	[CDC_CHECK_AGENT_UNVERIFIED] = {
		.check_name = "agent_unverified",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_BLOCKER,
		.required = "an epoch that this installation has signed, or none above its own",
		.why = "whoever has its token can write any number there: nobody is stopped by it, and nothing is changed through this agent until a superuser adopts it"
	},
	[CDC_CHECK_ARRAYS_NESTED] = {
		.check_name = "arrays_nested",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "arrays of one dimension, or jsonb",
		.why = "Debezium writes null in place of each inner array"
	},
	[CDC_CHECK_CA_NOT_HANDED_OVER] = {
		.check_name = "ca_not_handed_over",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "agents beside Kafka Connect, or connect_ca_path of the sink, which a superuser sets",
		.why = "Debezium verifies the server by Java's own list of CAs, in which the source's is not, as a rule: then the connector cannot log in"
	},
	[CDC_CHECK_COLUMNS_LEFT_OUT] = {
		.check_name = "columns_left_out",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "types that Debezium knows (docs/types.md), or option include.unknown.datatypes, which writes most others as bytes",
		.why = "Debezium leaves columns of these types out of every event, or writes them empty"
	},
	[CDC_CHECK_COLUMNS_NOT_STREAMED] = {
		.check_name = "columns_not_streamed",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "type text or varchar in place of name; columns that are not generated",
		.why = "they come in a snapshot; in the stream one of type name is null, and a generated one is not there"
	},
	[CDC_CHECK_CONNECT_CIDRS_WIDE] = {
		.check_name = "connect_cidrs_wide",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "the addresses of the Kafka Connect hosts alone: private networks of /24 or smaller",
		.why = "pg_hba.conf of each source lets the connectors' roles in from there with replication=database; "
		"PostgreSQL lets such a session take a base backup, which has every database and the password verifiers of all roles"
	},
	[CDC_CHECK_CONNECT_NOT_SHARED] = {
		.check_name = "connect_not_shared",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_BLOCKER,
		.required = "a Kafka Connect of this organization's own, or a superuser's word that this one may be shared",
		.why = "whoever works on a Kafka Connect reads the configurations and errors of all connectors there"
	},
	[CDC_CHECK_CONNECTION_KEY_REFUSED] = {
		.check_name = "connection_key_refused",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.why = "it was taken by an older version; a service that is registered now would be refused"
	},
	[CDC_CHECK_CONNECTOR_LOGIN] = {
		.check_name = "connector_login",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "generation 2: its driver logs in by SCRAM alone, and under TLS bound to the server's certificate",
		.why = "the driver gives the password to whoever asks for it in clear at the source's address; a pipeline keeps its generation until it is made anew"
	},
	[CDC_CHECK_CONNECTOR_TIMEOUTS] = {
		.check_name = "connector_timeouts",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "none of these for the role in this database",
		.why = "a snapshot is one transaction, however long it takes, and a heartbeat's session is idle in between: what ends them begins the snapshot anew, or stops the stream"
	},
	[CDC_CHECK_EVENT_TRIGGER] = {
		.check_name = "event_trigger",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "the event triggers, or a primary key in every CREATE TABLE",
		.why = "a table is published from its first moment: without a key PostgreSQL refuses UPDATE and DELETE on it until the next round has given it a replica identity"
	},
	[CDC_CHECK_HBA_UNREAD] = {
		.check_name = "hba_unread",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "a pg_hba.conf of at most 512 kB",
		.why = "it is not read to its end: whether it lets Kafka Connect in is not known"
	},
	[CDC_CHECK_HISTORY_UNREAD] = {
		.check_name = "history_unread",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "attribute REPLICATION of admin_user, and a free walsender (max_wal_senders)",
		.why = "where the timeline began is not known: after a failover the stored offset goes back to the slot's position, and more events come twice"
	},
	[CDC_CHECK_INHERITED_ROWS] = {
		.check_name = "inherited_rows",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "a table of which no other one inherits when its snapshot is taken, or a pipeline that is made after those",
		.why = "its connector was made before: a snapshot has the rows of tables that inherit from it as rows of its own, and the stream never has their changes"
	},
	[CDC_CHECK_KEYS_INEXACT] = {
		.check_name = "keys_inexact",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.why = "two rows can have one key in Kafka, and the delete of one is then the delete of the other; another way of writing them gives every row a new key"
	},
	[CDC_CHECK_LOGIN_WEAK] = {
		.check_name = "login_weak",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "scram-sha-256 in pg_hba.conf, and under TLS channel binding or sslmode verify-full",
		.why = "whoever answers at this address in its place gets the password, or needs none; a service that is registered now would be refused"
	},
	[CDC_CHECK_MARK_UNVERIFIED] = {
		.check_name = "mark_unverified",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_BLOCKER,
		.required = "the mark that this installation put there",
		.why = "somebody else wrote it, or it is a copy from elsewhere: it is left alone as it is, and stops nobody else, until a superuser adopts it"
	},
	[CDC_CHECK_METADATA_IS_SOURCE] = {
		.check_name = "metadata_is_source",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "a superuser's word, \"metadata_server\": true, or another server",
		.why = "a pipeline from there could read every organization's secrets in the metadata"
	},
	[CDC_CHECK_NETWORK_NOT_ASSIGNED] = {
		.check_name = "network_not_assigned",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_BLOCKER,
		.required = "a network that belongs to the service's organization",
		.why = "its peerings are made with the operator's account, which can join anybody's network"
	},
	[CDC_CHECK_NUMBERS_INEXACT] = {
		.check_name = "numbers_inexact",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "a pipeline with option decimal.handling.mode: string or precise; or numeric with at most 15 digits",
		.why = "option decimal.handling.mode is double, which is exact to 15 digits; a number with more comes rounded"
	},
	[CDC_CHECK_OFFSETS_FLUSHED_LATE] = {
		.check_name = "offsets_flushed_late",
		.concern = CDC_CONCERN_COST,
		.severity = CDC_SEVERITY_INFO,
		.required = "offset.flush.interval.ms=5000 in the configuration of every Kafka Connect worker, where the default is 60000; no connector can set it",
		.why = "what was sent since the last flush comes again after a crash, a task that is started just after a snapshot takes all of it again, the source keeps WAL, "
		"and that nothing moves is told late; 5 s cost one record of the offsets' topic for each connector each 5 s, and a wait of the task for it"
	},
	[CDC_CHECK_PAUSE_KEEPS_WAL] = {
		.check_name = "pause_keeps_wal",
		.concern = CDC_CONCERN_COST,
		.severity = CDC_SEVERITY_INFO,
		.required = "cdc.resume_pipeline() before then",
		.why = "the source keeps all WAL since the pause; where its slot is given up, what was changed since is missing and a new snapshot is due"
	},
	[CDC_CHECK_PEER_SAID] = {
		.check_name = CDC_PEER_SAID,
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_INFO,
		.why = "it is why there is no connection, in the words of libpq, libcurl or the server; shown to admins alone"
	},
	[CDC_CHECK_PHANTOMS] = {
		.check_name = "phantoms",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "consumers that take these events back: the event of the failover says which they are",
		.why = "a failover lost these transactions after Kafka had their events: consumers have rows, and versions of rows, that the source has not",
		.past = true
	},
	[CDC_CHECK_PLUGIN_LOGIN] = {
		.check_name = "plugin_login",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "3.7.0 or later, whose driver knows requireAuth",
		.why = "an older driver does not hear that it is to log in by SCRAM alone, and gives its password to whoever asks for it in clear at the source's address"
	},
	[CDC_CHECK_ROW_HELD] = {
		.check_name = CDC_ROW_HELD,
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "transactions that change it are ended at once, not left open",
		.why = "what happens to it is not recorded meanwhile, and nothing is begun that must be recorded before"
	},
	[CDC_CHECK_ROWS_LEFT] = {
		.check_name = "rows_left",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "a DELETE of the rows before, or consumers that know",
		.why = "no event told Kafka that these rows are gone: consumers still have them",
		.past = true
	},
	[CDC_CHECK_ROWS_MISSING] = {
		.check_name = "rows_missing",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "rows that are inserted while the table is captured, or a new snapshot",
		.why = "these rows were there before the table was captured, so that no event told Kafka of them",
		.past = true
	},
	[CDC_CHECK_SLOT_UNPROTECTED] = {
		.check_name = "slot_unprotected",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "the slot in Patroni's slots or ignore_slots",
		.why = "while its connector does not stream the slot is dropped, and with it what was committed since: a pause is refused"
	},
	[CDC_CHECK_SSLMODE_WEAK] = {
		.check_name = "sslmode_weak",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "sslmode verify-full, with the ca of the server's certificate",
		.why = "whoever is between Kafka Connect, or the worker, and the server can pretend to be the server to them"
	},
	[CDC_CHECK_STANDBY_UNREADY] = {
		.check_name = CDC_STANDBY_UNREADY,
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "a standby that a failover could go to",
		.why = "a failover to it would cost a gap and a new snapshot"
	},
	[CDC_CHECK_TABLES_TO_COME] = {
		.check_name = "tables_to_come",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.observed = "all tables are captured, also those that come later",
		.required = "option no_key = full, or a primary key in every CREATE TABLE",
		.why = "a table is published from its first moment: without a key PostgreSQL refuses UPDATE and DELETE on it until it has a replica identity"
	},
	[CDC_CHECK_TABLES_WITHOUT_KEY] = {
		.check_name = "tables_without_key",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_BLOCKER,
		.required = "a primary key that is not deferrable, or another replica identity, of each table and partition that is published",
		.why = "PostgreSQL refuses every UPDATE and DELETE on them now: the application is failing"
	},
	[CDC_CHECK_TOPIC_ANEW] = {
		.check_name = "topic_anew",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.required = "topics that nobody deletes under a pipeline",
		.why = "it took nothing until the connector's task was started anew, as one that was deleted does: then what it had before is gone, and only what was not confirmed has come again; a new pipeline takes a snapshot of all rows",
		.past = true
	}
};

CdcFinding
cdc_check(CdcCheck check)
{
	return checks[check];
}
