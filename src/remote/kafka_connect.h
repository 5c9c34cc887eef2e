/*
 * kafka_connect.h
 *	  The vocabulary of Kafka Connect's REST API and of Debezium's
 *	  configuration: build a request, read an answer.  No I/O, no state.
 *
 * Results are palloc'd in the current context (json_object results are
 * json-c's: json_object_put).  Nothing here ereports on what a peer sent: a
 * body that does not parse is an answer too.
 * Sources: KIP-875 (stop, offsets), KIP-980 (initial_state), Kafka
 * ConnectorsResource.java; Debezium 3.7 PostgresConnectorConfig.
 */
#ifndef CDC_KAFKA_CONNECT_H
#define CDC_KAFKA_CONNECT_H

#include "common/base.h"
#include <json-c/json.h>
#include "reconciler/snapshot.h"
#include "remote/connect_value.h"
#include "remote/kc_config.h"

#define CDC_KC_CLASS "io.debezium.connector.postgresql.PostgresConnector"

/*
 * The newest generation of configuration.  A pipeline keeps the one that it was
 * made with, whatever is built for new ones: 1 is what version 0.1 built.
 */
#define CDC_KC_GENERATION 2

/* What a wanted connector is made of; strings are the caller's. */
typedef struct CdcConnectorSpec
{
	int			generation;
	const char *pipeline_id;	/* full id: key cdc.pipeline.id */
	int64		epoch;			/* key cdc.epoch */
	const char *signature;		/* key cdc.mark: of that epoch, on this connector; NULL: none */
	const char *name;			/* mdb-pipeline-xxxxxxxx */
	const char *hostname;		/* current primary */
	int			port;
	const char *database;
	const char *user;
	CdcConnectValue password;	/* a secret's file, or in clear when allowed */
	const char *session_name;	/* application_name of its sessions but the walsender (Debezium
								 * runs initial statements in the others), NULL: Debezium's;
								 * letters, digits, underscores */
	const char *sslmode;		/* of the service, NULL: prefer */
	bool		password_in_tls;	/* the server may ask for it in clear, under verify-full */
	const char *ca_path;		/* where the CA's certificate is on the Connect hosts, NULL: Java's */
	const char *publication;
	const char *slot;
	bool		slot_failover;	/* the slot is synced to standbys by the server */
	const char *topic_prefix;
	const char *snapshot_mode;
	int			ntables;		/* 0: all tables */
	const char *const *tables;	/* normalized "schema"."table" with SQL quotes */
	int			nonly;
	const char *const *only;	/* of these a snapshot reads no rows of children; named in the same way */
	struct json_object *options;	/* the user's allow-listed options, or NULL */
} CdcConnectorSpec;

/*
 * Why a snapshot cannot be told to read these tables without the rows of their
 * children, palloc'd; NULL: it can.
 */
extern char *cdc_kc_only_fault(const char *const *tables, int n, struct json_object *options);

/* Tells it so.  The tables that a configuration says it of, *n of them. */
extern void cdc_kc_put_only(CdcConnectConfig *config, const char *const *tables, int n);
extern const char **cdc_kc_observed_only(const CdcKcConfig *observed, int *n);

/*
 * The options a user may set (documented in docs/configuration.md): is key one
 * of them, and is the value one that it takes, in this generation?  NULL: fine,
 * else why not.
 */
extern bool cdc_kc_option_known(const char *key);
extern char *cdc_kc_option_check(int generation, const char *key, const char *value);

/* Is it one that Debezium or Connect is told (the others are the pipeline's own)? */
extern bool cdc_kc_option_is_debeziums(const char *key);

/* An option for people; strings are constants or palloc'd. */
typedef struct CdcKcOption
{
	const char *name;
	const char *type;
	const char *rule;
	const char *default_value;	/* NULL: none */
	const char *on_live;		/* what a change sets off in a pipeline that runs */
	const char *meaning;
} CdcKcOption;

/* Option number n from 0, of the newest generation; false: there are no more. */
extern bool cdc_kc_option_describe(int n, CdcKcOption *described);

/* All of them for a message: "a, b, c". */
extern char *cdc_kc_option_names(void);

/* Why Debezium cannot be sent to a database of this name, palloc'd; NULL: it can. */
extern char *cdc_kc_database_fault(const char *name);

/*
 * The wanted config map; json_object_put by the caller.  Of spec->options only
 * what cdc_kc_option_check accepts is taken.  NULL, and *fault (may be NULL)
 * says why, when a value may not be sent (see connect_value.h).
 */
extern struct json_object *cdc_kc_config(const CdcConnectorSpec *spec, char **fault);

/*
 * Does it differ in what it captures, or where to: do events go missing, or
 * elsewhere, while a connector runs with it?
 */
extern bool cdc_kc_captures_other(struct json_object *wanted, const CdcKcConfig *observed);

/*
 * Does the observed config say what is wanted?  Keys besides the wanted ones
 * count as edited by hand (but "name" is Connect's own; cdc.epoch and cdc.mark say
 * who wrote it, which is no drift and not judged here; and so is a newer key of ours
 * that is missing).  On a difference *which (may be
 * NULL) gets the differing keys, "a, b" (no values: a password may be among
 * them).  A database.password that is shown masked ("****", "[hidden]") is not
 * compared.
 */
extern bool cdc_kc_config_equal(struct json_object *wanted, const CdcKcConfig *observed, char **which);

/* One connector of GET /connectors?expand=status&expand=info; strings are the list's. */
typedef struct CdcKcConnector
{
	const char *name;
	const CdcKcConfig *config;	/* may be NULL */
	uint64		serial;			/* of what is read here: another one when it was read anew, never 0 */
	const char *mark;			/* config's cdc.pipeline.id, or NULL */
	const char *epoch;			/* config's cdc.epoch as it is there, or NULL */
	const char *signature;		/* config's cdc.mark, or NULL */
	const char *topic_prefix;	/* config's, or NULL */
	bool		debezium;		/* of one of its classes */
	CdcConnectState state;
	const char *state_name;		/* as sent, e.g. "RUNNING"; NULL */
	int			ntasks;			/* of the status, not of the info */
	CdcConnectState task_state; /* of task 0; NONE without tasks */
	const char *task_states;	/* JSON text [{"id":0,"state":"RUNNING"}] */
	const char *worker_id;		/* of task 0, or of the connector */
	const char *trace;			/* of whatever FAILED, or NULL */
} CdcKcConnector;

typedef struct CdcKcList
{
	struct json_object *body;	/* owns the strings, shared with lists in which a connector was
								 * the same; cdc_kc_list_free */
	size_t		kept;			/* bytes of that */
	int			n;
	CdcKcConnector *items;
} CdcKcList;

/*
 * The list as it comes, in pieces of any size.  Of connectors with names of
 * ours all is kept that is asked for, of others their states and our marks.  Of
 * a connector whose text is the same as in former (the list before, or NULL; it
 * may be freed at once) nothing is parsed or copied: the two lists share it.  feed (which fits
 * CdcHttpRequest.consume) is false when this is not Connect's list, or more than one
 * cluster's can be: 1 MB a connector, 20,000 connectors, 32 MB of what is kept of all; fault
 * says which, in a constant, NULL when nothing is wrong so far.  parsed: how many
 * connectors were not in former.
 * reader_new, feed and reader_free neither palloc nor ereport; new is NULL without memory.
 * reader_list takes what was read: NULL when it is not a whole list.
 */
typedef struct CdcKcReader CdcKcReader;
extern CdcKcReader *cdc_kc_reader_new(const CdcKcList *former);
extern bool cdc_kc_reader_feed(const char *data, size_t length, void *reader);
extern const char *cdc_kc_reader_fault(const CdcKcReader *reader);
extern int	cdc_kc_reader_parsed(const CdcKcReader *reader);
extern CdcKcList *cdc_kc_reader_list(CdcKcReader *reader);
extern void cdc_kc_reader_free(CdcKcReader *reader);

/* NULL when the body is not what Connect sends.  Items are sorted by name. */
extern CdcKcList *cdc_kc_parse_list(const char *body);
extern const CdcKcConnector *cdc_kc_find(const CdcKcList *list, const char *name);
extern void cdc_kc_list_free(CdcKcList *list);

/*
 * What a connector that was asked for by itself is now, in the place of what the list
 * has of it: the bodies of GET /connectors/n and GET /connectors/n/status, or NULL both
 * when it is not there.  What cdc_kc_find() gave of it before is no more.  False, and the list is as it was: these are
 * not Connect's answers about it, or there is no room.
 */
extern bool cdc_kc_list_set(CdcKcList *list, const char *name, const char *info, const char *status);

/* GET /connectors/n/offsets */
typedef struct CdcKcOffsets
{
	CdcOffsets	state;			/* never UNKNOWN when true is returned */
	bool		snapshot_completed;
	uint64		lsn;			/* lsn_commit, else lsn_proc, else lsn; 0 none */
	uint64		commit_lsn;		/* lsn_commit; 0 none */
	uint64		event_lsn;		/* lsn, of the last event; 0 none */
	uint64		highest_lsn;	/* the highest of the three; 0 none */
	int64		txid;			/* of the last event's transaction; 0 none */
	int64		ts_us;			/* of the last event by the source's clock, epoch us; 0 none */
} CdcKcOffsets;
extern bool cdc_kc_parse_offsets(const char *body, CdcKcOffsets *offsets);

/* GET /connector-plugins: is the class listed, at which versions ("a, b", NULL none)? */
extern bool cdc_kc_parse_plugins(const char *body, bool *present, char **version);

/*
 * Do the drivers of all these versions ("3.7.0.Final, 3.6.1.Final") know how a
 * connector of generation 2 is told to log in?  A version that cannot be read
 * is taken for one that does.
 */
extern bool cdc_kc_knows_login(const char *versions);

/* Is wanted one of the versions "a, b"? */
extern bool cdc_kc_has_version(const char *versions, const char *wanted);

/* POST /connectors body that makes a connector STOPPED (KIP-980). */
extern char *cdc_kc_post_stopped_body(const char *name, struct json_object *config);

/*
 * PATCH /connectors/n/offsets body that sets the one partition's offset to lsn
 * (not 0): everything that is committed up to there has been sent, nothing
 * beyond.  Read back, lsn is its commit_lsn and its highest_lsn.
 */
extern char *cdc_kc_patch_offsets_body(const char *topic_prefix, uint64 lsn);

/* What an HTTP answer of Connect to a mutation means. */
typedef enum CdcKcMeaning
{
	CDC_KC_DONE,				/* 2xx */
	CDC_KC_ABSENT,				/* 404 for the connector (not for a wrong URL) */
	CDC_KC_EXISTS,				/* 409 "already exists" */
	CDC_KC_BUSY,				/* 409 of a rebalance: retry with backoff */
	CDC_KC_INVALID,				/* 400 and other 4xx: message says what.  A source
								 * that Connect cannot reach is one too: Debezium
								 * logs in while it validates */
	CDC_KC_NOT_STOPPED,			/* 400 of offsets: not stopped yet */
	CDC_KC_DENIED,				/* 401, 403 */
	CDC_KC_MAYBE				/* 5xx or nonsense: may have taken or take effect */
} CdcKcMeaning;

/*
 * *message: what Connect said, one line (palloc'd) without the status, in which
 * neither the secrets that it was sent nor what looks like one is left; NULL
 * when DONE.
 */
extern CdcKcMeaning cdc_kc_meaning(int status, const char *body, const char *const *secrets, int nsecrets, char **message);

/*
 * Does a 403 with this body refuse our credentials the right to a method and path,
 * rather than what was asked for?  Always: Connect has none of its own, and what
 * stands before it knows no more.
 */
extern bool cdc_kc_forbids(const char *body);

/*
 * The sentence for "connector task failed: ": message of the last
 * "Caused by:", else of line 1, without the class name, first line, redacted
 * (secrets[nsecrets] and known patterns), at most 500 characters.
 */
extern char *cdc_kc_failure(const char *trace, const char *const *secrets, int nsecrets);

/* The message, and behind it what to look at where the driver's words do not say it; palloc'd. */
extern char *cdc_kc_advised(const char *message);

/* Can no restart cure this trace (reference: decision table of Debezium's start)? */
extern bool cdc_kc_incurable(const char *trace);

/* Did Kafka refuse a record?  NULL: no.  That the task starts again proves nothing then. */
extern bool cdc_kc_refused(const char *trace);

/*
 * base (trailing slashes do not matter) + path, in which %s stands for the
 * name, percent-encoded; name may be NULL when path has no %s.
 */
extern char *cdc_kc_url(const char *base, const char *path, const char *name);

/*
 * Debezium's table name for a regular expression list: "a"."b.c" ->
 * a\.b\.c with every special character escaped.  Debezium matches whole
 * names without regard to case unless told otherwise, see debezium.c.
 */
extern char *cdc_kc_table_regex(const char *quoted);

/* The same of its schema alone: "a"."b.c" -> a. */
extern char *cdc_kc_schema_regex(const char *quoted);

#endif							/* CDC_KAFKA_CONNECT_H */
