/*
 * source.h
 *	  The vocabulary of a source server: one query that observes everything
 *	  about many pipelines at once, and the statements of every action.
 *
 * No I/O.  Statements qualify every name and operator that matters; remote
 * objects of ours carry the mark "cdc_pipeline <full id>" in their COMMENT
 * (the publication's adds an epoch and a MAC, see common/mark.h).  Works on PostgreSQL 14 to 18.
 * Results are palloc'd in the current context.
 */
#ifndef CDC_SOURCE_H
#define CDC_SOURCE_H

#include "common/base.h"
#include "reconciler/failover.h"
#include "remote/patroni.h"

struct json_object;

/*
 * Settings that end a session that waits, works long or is idle, as t(name); each version's.
 * Set to 0 for a role in a database they come before all others, also in its walsenders.
 */
#define CDC_SOURCE_TIMEOUTS \
	"pg_catalog.unnest(ARRAY['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout']" \
	" || CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 170000 THEN ARRAY['transaction_timeout'] END) AS t(name)"

/* Of pg_proc AS p: what the heartbeat's query calls, which everybody may unless that was revoked. */
#define CDC_SOURCE_HEARTBEAT \
	"p.proname = 'pg_logical_emit_message'::pg_catalog.name" \
	" AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid" \
	" AND p.proargtypes[2] = 'pg_catalog.text'::pg_catalog.regtype::pg_catalog.oid"

/*
 * Names of shared catalogs may be in another encoding: what is said of them travels as
 * bytes, and is read by cdc_source_batch_words().  With pg_catalog alone in the search path.
 */
#define CDC_SOURCE_AS_BYTES(expr) \
	"encode(CASE WHEN getdatabaseencoding() IN ('UTF8', 'SQL_ASCII')" \
	" THEN replace(" expr ", chr(92), repeat(chr(92), 2))::bytea ELSE convert_to(" expr ", 'UTF8') END, 'escape')"

/* What to ask about one pipeline. */
typedef struct CdcSourceAsk
{
	const char *pipeline_id;	/* full id */
	const char *name;			/* role, publication and slot name */
	const char *title;			/* the pipeline's name, for the role's comment; NULL: none */
	const char *database;
	int			ntables;		/* 0: all tables */
	const char *const *tables;	/* normalized "schema"."table" */
	int64		txid;			/* what became of this transaction (32 bits)? 0: none */
	bool		inserts_only;	/* of tables without a key INSERT alone is published */
	bool		lists_bare;		/* tables_bare is wanted */
	bool		lists_relations;	/* relations, and with all tables unlogged and logged, are wanted */
	const char *unlogged;		/* which were seen unlogged last, JSON as below; NULL: none */
	const char *login;			/* role that the connector logs in as, which others
								 * may use too: its sessions, but the walsender, have
								 * the name as their application_name; NULL: the role
								 * of the name */
	struct json_object *options;	/* of the pipeline, NULL: none; for source_columns.h */
	const char *installation;	/* whose event triggers give new tables an identity there, for all tables; NULL: none */
	int64		given_after;	/* tables_given has those of a higher oid */
} CdcSourceAsk;

/*
 * The observation of one node in one database: text of the single parameter
 * (JSON) for cdc_source_observe_sql.  It travels as a bind parameter of a prepared
 * statement: the database once, and of each pipeline its name, its tables and what else
 * is to be known, without keys: some 60 bytes and those of its tables.  All asks are
 * about one database; where the connection is to another one, none is answered.
 * full: also pg_hba.conf's text (for a health round or before hba actions).
 *
 * The answer has rows of one JSON text each, as bytea: UTF-8 but for what the server
 * itself holds in no encoding that it knows.  The first is the server's, the others
 * are the pipelines', in the order of the asks; as many as fit into CDC_SOURCE_LOOK_ROOM
 * characters, and at least one: those that are missing are to be asked about again.
 * Every catalog is read once whatever the number of pipelines, and looked up by index
 * for what is asked.  About 3 ms and 70 us a pipeline, and 25 ms more for each that
 * captures all of 10,000 tables; the connection should say jit=off and search_path=pg_catalog.
 */
#define CDC_SOURCE_LOOK_MAX		1024	/* pipelines */
#define CDC_SOURCE_LOOK_ROOM	"400000"
extern char *cdc_source_ask(const CdcSourceAsk *asks, int n, bool full);
extern const char *const cdc_source_observe_sql;

/* The parameter for a look at a node by itself: full, and these slots of it. */
extern char *cdc_source_ask_node(const char *const *slots, int n);

/*
 * A watch: where the slots of these names are, as (slot_name, words); words
 * differ whenever it is held by somebody else, its walsender is in another
 * state or something was confirmed.  A slot that is not there has no row.  It costs
 * a tenth of a look, so it tells whoever waits for a slot when to look.
 */
extern char *cdc_source_watch(const char *const *slots, int n);
extern const char *const cdc_source_watch_sql;

/* The event triggers of an installation in a database. */
typedef enum CdcSourceTrigger
{
	CDC_TRIGGER_ABSENT,
	CDC_TRIGGER_WRONG,			/* not all of it is there, or not as we make it */
	CDC_TRIGGER_OFF,			/* somebody has disabled them, or one of them */
	CDC_TRIGGER_FOREIGN,		/* what has their names is not ours */
	CDC_TRIGGER_OK
} CdcSourceTrigger;

typedef struct CdcSourcePipeline
{
	int			number;			/* of its question, from 1 */
	/* role */
	bool		role_exists;
	const char *role_mark;		/* COMMENT, or NULL */
	bool		role_login;		/* LOGIN, and VALID UNTIL has not passed */
	bool		role_replication;
	const char *role_password_hash; /* SHA-256 hex of rolpassword; NULL: none,
									 * or we are no superuser */
	const char *role_timeouts;	/* that are not set to 0 for it here; of a role that was given
								 * those, with their values, that end its sessions; NULL: none */
	bool		grants_ok;		/* CONNECT, USAGE on schemas, SELECT on tables that
								 * exist, and no row level security hides rows */
	bool		role_has_dependents;	/* owns objects, or is granted things by
										 * others: cannot be dropped after REVOKE */
	/* tables */
	const char *tables_missing; /* "a.b, c.d" quoted as needed, or NULL */
	const char *tables_bad_kind;	/* views and such, or NULL */
	const char *tables_no_identity; /* whose UPDATE and DELETE the server refuses
									 * while they are published (of a partitioned
									 * one its partitions), or NULL */
	const char *tables_bare;	/* with lists_bare: the first hundred of these, JSON {oid: relreplident}; or NULL */
	CdcSourceTrigger trigger;	/* with installation */
	const char *tables_given;	/* with installation and lists_relations: the next hundred tables that have no key and FULL,
								 * made since the event triggers were; JSON {oid: "d"}, or NULL */
	const char *tables_fix;		/* ALTER TABLE ... REPLICA IDENTITY FULL; ... */
	bool		tables_small;	/* a snapshot of them is a matter of a moment, as far
								 * as the server's statistics know */
	/* with lists_relations */
	bool		listed;
	const char *relations;		/* what holds the rows, JSON {oid: [name, relfilenode, parent
								 * or 0, rows, rows ever inserted, attached]}; NULL: more
								 * than 200.  attached: not made as the partition that it is */
	const char *unlogged;		/* of all tables: those that are unlogged, JSON [oid]; or NULL */
	const char *logged;			/* names of those that were asked for and are not any more, or NULL */
	/* publication */
	bool		pub_exists;
	const char *pub_mark;
	bool		pub_beside;		/* with inserts_only: a publication of ours beside it */
	bool		pub_ok;			/* exactly these tables, the operations, via root */
	bool		pub_lacks;		/* a wanted table or operation is not published:
								 * changes were skipped, or the pubviaroot differs */
	const char *pub_wrong;		/* what differs, in words, or NULL */
	/* slot and walsender */
	bool		slot_exists;
	bool		slot_fits;		/* logical, pgoutput, this database, not temporary */
	bool		slot_lost;		/* wal_status lost / invalidation_reason */
	const char *slot_lost_why;
	bool		slot_active;
	int			slot_pid;
	int64		slot_since_us;	/* backend_start of who holds it, epoch us; 0: nobody */
	const char *slot_user;		/* who holds it: "role" (the connector's), "us", or
								 * in words somebody else; NULL: nobody */
	bool		slot_failover;	/* made with failover (17 and later) */
	bool		slot_streaming; /* its walsender is in state streaming */
	bool		slot_consistent;	/* confirmed_flush_lsn is not null: creation done */
	uint64		restart_lsn;
	uint64		confirmed_flush_lsn;
	int64		slot_made_us;	/* mtime of pg_replslot/<name>/state, epoch us: the
								 * server tells whole seconds, so this is the last
								 * moment that it may mean; 0 unknown.  Until
								 * streaming begins that is when it was made. */
	const char *tx_status;		/* of the asked transaction: pg_xact_status()'s word,
								 * "future" when none has that id yet; NULL: not
								 * asked, or too long ago */
	int64		sessions_since_us;	/* earliest backend_start of the role's sessions, 0: none */
} CdcSourcePipeline;

/* A logical slot of a name that was asked for, on any node. */
typedef struct CdcNodeSlot
{
	const char *name;
	const char *database;
	bool		fits;			/* logical, pgoutput */
	bool		temporary;
	bool		active;
	bool		failover;
	bool		synced;			/* copied by the server from its primary */
	const char *lost;			/* why it is of no use any more, or NULL */
	uint64		restart_lsn;
	uint64		flush_lsn;
} CdcNodeSlot;

/* What a node is like as a standby; with full. */
typedef struct CdcNodeConf
{
	bool		known;			/* else nothing below means anything */
	bool		decodes;		/* wal_level is logical there too */
	bool		feedback;		/* hot_standby_feedback */
	const char *primary_slot;	/* primary_slot_name, NULL: none */
	CdcTri		has_dbname;		/* primary_conninfo names a database; UNKNOWN: we
								 * may not read it */
	bool		syncs_slots;	/* sync_replication_slots, 17 and later */
	const char *sync_missing;	/* of synchronized_standby_slots: no active physical
								 * slot here; NULL: none */
	int64		keep_mb;		/* max_slot_wal_keep_size, -1: no limit */
	int64		idle_timeout_s; /* idle_replication_slot_timeout, 18 and later; 0: none */
	bool		copies_slots;	/* extension pg_failover_slots is loaded */
	CdcPatroni	patroni;
	const char *receiver;		/* "streaming" ..., NULL: there is none */
	const char *receiver_slot;	/* the physical slot that it uses, NULL */
	int			nslots;
	CdcNodeSlot *slots;
} CdcNodeConf;

typedef struct CdcSourceObs
{
	bool		in_recovery;
	uint64		system_identifier;
	uint32		timeline;
	int			version;		/* server_version_num */
	const char *wal_level;
	uint64		wal_lsn;		/* pg_current_wal_lsn(), or replay LSN on a standby */
	int64		now_us;			/* clock_timestamp of the server */
	int64		started_us;		/* its pg_postmaster_start_time() */
	int			free_slots;
	int			free_senders;
	const char *blocker;		/* oldest write transaction older than 2 s (prepared ones too):
								 * "pid 123 (user u, application a), open since ..., state" or NULL */
	const char *hba_text;		/* with full, NULL: no right to read it */
	bool		hba_cut;		/* that is its beginning, the file is larger than CDC_HBA_MAX */
	const char *hba_error;		/* with full: "line n: error" of the file as it is, or NULL */
	bool		is_superuser;
	bool		may_replicate;	/* the administrator has REPLICATION */
	bool		history_known;	/* of a primary: what follows is its whole history */
	int			nhistory;
	CdcTimelineSwitch *history;
	CdcNodeConf node;			/* with full */
	int			n;
	CdcSourcePipeline *pipelines;
} CdcSourceObs;

/* Reads the rows of the query; NULL when they make no sense. */
extern CdcSourceObs *cdc_source_parse(const char *const *rows, int n);

/* What is told of the ask of this number, from 0; NULL: nothing. */
extern const CdcSourcePipeline *cdc_source_find(const CdcSourceObs *obs, int asked);

/* The slot of a name in a node's look, NULL when it is not there. */
extern const CdcNodeSlot *cdc_source_node_slot(const CdcNodeConf *node, const char *name);

/*
 * The lines "timeline<TAB>lsn<TAB>reason" of a history file, whose others are comments;
 * palloc'd, *n of them.
 */
extern CdcTimelineSwitch *cdc_source_read_history(const char *words, int *n);

/* The history of a timeline, of a walsender; palloc'd. */
extern char *cdc_source_history_sql(uint32 timeline);

/* In source_node.c, for cdc_source_parse: history and node of the answer. */
extern void cdc_source_read_node(CdcSourceObs *obs, struct json_object *answer);

/*
 * Statements for a shadow slot, each run on a standby in the pipeline's
 * database by itself (a slot cannot be made in a transaction that has
 * written).  make waits until the primary has logged its running transactions:
 * the nudge, on the primary, does that.  advance goes to lsn at most, never
 * past what is replayed, and does nothing on a primary; it returns the new
 * position.  drop is for a logical slot of ours that nobody uses.
 */
extern char *cdc_source_make_shadow_sql(const char *slot);
extern char *cdc_source_advance_shadow_sql(const char *slot, uint64 lsn);
extern char *cdc_source_drop_shadow_sql(const char *slot);
extern const char *const cdc_source_nudge_sql;

/*
 * The commands of the actions, for cdc_source_batch_sql, which runs them in the
 * pipeline's database on the primary; all are idempotent.  An object of the name
 * without our mark is an ERROR (42710).  verifier: SCRAM, never a clear password.
 * comment: what the publication is marked with.  It is refused (55000) unless its
 * comment is still that or the one of judged, on which it was decided; judged NULL:
 * unless there is none of that name; "": whatever it is.  A slot of another
 * database or plugin is not touched; an active one is an ERROR (55006).
 * That of terminate_walsender is a statement by itself.
 */
extern char *cdc_source_role_sql(const CdcSourceAsk *ask, const char *verifier);
extern char *cdc_source_publication_sql(const CdcSourceAsk *ask, const char *comment, const char *judged);

/* The same with inserts_only, in source_inserts.c; their names, as Debezium takes them. */
extern char *cdc_source_publications_sql(const CdcSourceAsk *ask, const char *comment, const char *judged);
extern char *cdc_source_publication_names(const char *name);
extern char *cdc_source_drop_publication_sql(const CdcSourceAsk *ask, const char *judged);
extern char *cdc_source_drop_slot_sql(const CdcSourceAsk *ask);
extern char *cdc_source_terminate_walsender_sql(const CdcSourceAsk *ask);

/*
 * Sets REPLICA IDENTITY FULL on those of these tables (JSON {oid: relreplident}) that
 * have what stands there and no identity; and back on those that are as that left
 * them and in no publication: its words name those that another one has.  The rest is
 * left alone.  Neither waits for a lock for more than 0.3 s (55P03).
 */
extern char *cdc_source_set_identity_sql(const char *tables);
extern char *cdc_source_reset_identity_sql(const char *tables);

/*
 * The event triggers of an installation, in source_trigger.c, which says what they
 * are.  name: the schema's and the first one's.  script: what makes them, as a
 * superuser types it, on one line; on: what enables them.  make is that script, where
 * nothing else has the name (42710); drop takes them away, unless one of these n
 * publications is there; its words say what is left for a superuser, or for its owner.
 */
extern char *cdc_source_trigger_name(const char *installation);
extern char *cdc_source_trigger_script(const char *installation);
extern char *cdc_source_trigger_on(const char *installation);
extern char *cdc_source_make_trigger_sql(const char *installation);
extern char *cdc_source_drop_trigger_sql(const char *installation, const char *const *publications, int n);

/*
 * REVOKEs exactly what cdc_source_role_sql granted (every table of the
 * database on which the role has rights), then drops the role; when something
 * else depends on it the role becomes NOLOGIN NOREPLICATION instead.  Its words
 * are 'dropped', 'absent' or 'kept: <why>'.
 */
extern char *cdc_source_drop_role_sql(const CdcSourceAsk *ask);

/*
 * One simple-protocol text that runs these commands (at least one, at most
 * CDC_SOURCE_BATCH) in their order, each in a subtransaction of its own: rows (number
 * from 1, SQLSTATE or '', words, hint), the latter two for cdc_source_batch_words.  A
 * command that fails costs itself alone; one that waits for a lock fails (55P03) soon,
 * where it is by itself after 3 s.  Commands without a row were not begun, since those
 * before them took their time: they are for the next batch.  What is thrown as a whole
 * (a cancel) has done nothing.
 */
#define CDC_SOURCE_BATCH 32		/* with one more subtransaction in each, as many as a snapshot has room for */
extern char *cdc_source_batch_sql(const char *const *commands, int n);

/* The bytes that such a text stands for, which need not be valid text; NULL: it is empty, or none. */
extern char *cdc_source_batch_words(const char *escaped);

/*
 * Why its snapshot may fail: reads what it reads, as its role, up to so many rows of
 * each table, and gives back one text: the first ERROR, for cdc_source_batch_words(),
 * or NULL.  Several statements in one message; it writes nothing.
 */
extern char *cdc_source_why_sql(const CdcSourceAsk *ask);

/*
 * What waits behind its slot, which may be in use.  In one session, one after the
 * other, each of several statements in one message; what is made is gone with the session:
 * copy_slot makes a copy of the slot; pending reads the first transaction there that was
 * not confirmed: its tables in the order of their changes, a line each as it is kept
 * ("schema"."table"), for cdc_source_batch_words(), or NULL: none waits.  An ERROR of pending is the one that the connector gets.  login_fault
 * is why the connector's role cannot come in, or NULL.
 */
extern char *cdc_source_copy_slot_sql(const CdcSourceAsk *ask);
extern char *cdc_source_pending_sql(const CdcSourceAsk *ask);
extern char *cdc_source_login_fault_sql(const CdcSourceAsk *ask);

/* Is it the name of a table as it is kept? */
extern bool cdc_source_is_kept_name(const char *name);

#endif							/* CDC_SOURCE_H */
