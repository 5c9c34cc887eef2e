/*
 * world.h
 *	  What the worker holds in memory: services, their nodes and databases,
 *	  Connect clusters, pipelines.  Desired state comes from the store, the
 *	  observed state from the peers; nothing here is the only copy of anything
 *	  that matters.
 *
 * Owns the structures and their memory; does no I/O and no SQL.  All times
 * are cdc_loop_now() milliseconds unless a name says otherwise.
 */
#ifndef CDC_WORLD_H
#define CDC_WORLD_H

#include "postgres.h"
#include "lib/ilist.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "reconciler/decide.h"
#include "reconciler/detail.h"
#include "remote/agent.h"
#include "remote/kafka_connect.h"
#include "remote/pg_hba.h"
#include "remote/provision.h"
#include "remote/sdn.h"
#include "remote/source.h"
#include "worker/io/io.h"
#include "worker/world/acting.h"
#include "worker/world/asked.h"
#include "worker/world/dirty.h"
#include "worker/world/ring.h"
#include "worker/world/sdn_seen.h"
#include "worker/world/tend.h"
#include "worker/world/turn.h"

#define CDC_UUID_LEN 36
#define CDC_SHORT_LEN 8

typedef struct CdcService CdcService;
typedef struct CdcPipeline CdcPipeline;
typedef struct CdcWorld CdcWorld;
typedef struct CdcUsers CdcUsers;

/* One server of a PostgreSQL service.  Writer: worker/observe. */
typedef struct CdcNode
{
	CdcService *service;		/* Writer: worker/store */
	char	   *address;		/* Writer: worker/store */
	int			port;			/* Writer: worker/store */
	CdcPgConn  *admin;			/* to the admin database: probes, pg_hba */
	bool		probing;
	bool		look_wanted;	/* somebody changed something there: look. Writers: worker/world, worker/standbys.c */
	bool		looked;			/* a look has ended: what it means for its standby is due. Writers: worker/observe, worker/standbys.c */
	bool		hba_busy;		/* a pg_hba operation is under way. Writer: worker/execute/hba.c */
	int64		probed_at;		/* start of the last probe that ended, 0 never. Writers: worker/observe, worker/execute/hba.c */
	bool		reachable;		/* by the last probe */
	char	   *error;			/* why not, NULL when reachable */
	bool		in_recovery;
	bool		is_superuser;
	uint64		system_identifier;	/* Writers: worker/observe, worker/store */
	uint32		timeline;		/* Writers: worker/observe, worker/store */
	int			version;
	char	   *hba_text;		/* NULL: may not be read. Writer: worker/world */
	CdcHbaOurs *hba_ours;		/* what of it is ours. Writer: worker/world */
	bool		hba_cut;		/* that is its beginning alone */
	char	   *hba_error;
	char	   *hba_hash;		/* of our pipelines' lines in hba_text. Writer: worker/world */
	char	   *hba_loaded;		/* the hba_hash whose reload is known to be done. Writers: worker/execute/hba.c, worker/store */
	MemoryContext obs_context;	/* holds conf */
	CdcNodeConf conf;			/* by the last probe that was answered */
	uint64		wal_lsn;		/* written, or replayed on a standby */
	int			free_slots;
	CdcPgConn  *pinger;			/* asks whether the primary is there; a long probe
								 * or pg_hba work must not stand in its way */
	bool		pinging;
	int64		pinged_at;		/* start of the last ping */
	List	   *databases;		/* CdcNodeDb. Writer: worker/execute/source.c */
	int64		hba_vanished_at;	/* when our lines were last seen to have vanished */
	int			hba_vanished;	/* how often within minutes */
	CdcDirty	dirty;			/* to be written to cdc.service_node. Writer: worker/world */
	TimestampTz last_seen;
} CdcNode;

/* A connection to a captured database on a standby, for its shadow slots. */
typedef struct CdcNodeDb
{
	char	   *database;
	CdcPgConn  *conn;
} CdcNodeDb;

/* A pipeline's slot on one standby, and whether the standby is ready.  Writer: worker/world. */
typedef struct CdcShadow
{
	char	   *address;
	int			port;
	uint32		timeline;		/* of the node when the slot was made by us, 0: it was not. Writers: worker/world, worker/store */
	bool		busy;			/* a statement is under way. Writer: worker/execute/shadow.c */
	bool		making;			/* which makes the slot: it shows there, half made. Writer: worker/execute/shadow.c */
	int64		tried_at;		/* when one was last begun. Writer: worker/execute/shadow.c */
	int64		moved_at;		/* when the slot was last moved, or looked at first. Writers: worker/execute/shadow.c, worker/world */
	uint64		lsn;			/* to which we last moved it, 0: not since the last probe. Writer: worker/execute/shadow.c */
	char	   *error;			/* of the last statement, NULL when it was done. Writer: worker/execute/shadow.c */
	bool		ready;			/* Writers: worker/world, worker/store */
	char	   *missing;		/* NULL when ready. Writers: worker/world, worker/store */
	char	   *fix_sql;		/* what to type, or NULL. Writers: worker/world, worker/store */
	bool		dirty;			/* to be written to cdc.pipeline_standby */
	bool		gone;			/* the node left: to be deleted there */
} CdcShadow;

/* One captured database of a PostgreSQL service, on its current primary.  Writer: worker/observe. */
typedef struct CdcSourceDb
{
	CdcService *service;		/* Writer: worker/world */
	char	   *database;		/* Writer: worker/world */
	CdcNode    *node;			/* the primary that conn is to. Writers: worker/observe, worker/execute/source.c, worker/world */
	CdcPgConn  *conn;			/* observations. Writers: worker/observe, worker/world */
	CdcPgConn  *ddl;			/* actions, so that a lock wait blocks no look. Writers: worker/execute/source.c, worker/world */
	bool		observing;
	int64		observing_since;
	int			look_ms;		/* how long the last observation took */
	CdcAsked	asked[CDC_NUM_ASKS];	/* pipelines that are to be in the next one. Writer: worker/world */
	bool		asks;			/* is in world->asking. Writer: worker/world */
	dlist_node	asking_node;	/* Writer: worker/world */
	bool		watching;		/* a watch is under way */
} CdcSourceDb;

/* The agent on one Connect host.  Writer: worker/observe. */
typedef struct CdcAgent
{
	char	   *url;			/* Writer: worker/store */
	char	   *token;			/* never logged. Writer: worker/store */
	bool		looking;
	int64		looking_since;
	int64		looked_at;		/* start of the last look that ended, 0 never */
	CdcTri		reachable;		/* by the last look */
	char	   *error;			/* why not, NULL when reachable */
	CdcAgentState *state;		/* the last good one, or NULL */
	bool		unverified;		/* what it keeps of our epoch cannot be verified: nothing is sent there */
	char	   *fence;			/* that number as it says it, while so */
	bool		adopt;			/* a superuser has said that it is ours all the same. Writers: worker/store, worker/observe */
	bool		adopted;		/* and so it is: to be written. Writers: worker/observe, worker/store */
	bool		adopting;		/* that is being told to it. Writer: worker/execute */
} CdcAgent;

/* Of a PostgreSQL service.  Writer: worker/store. */
typedef struct CdcServicePostgres
{
	char	   *admin_user;
	char	   *admin_password;
	char	   *admin_database; /* where nodes are looked at, and pg_hba.conf is written */
	char	   *sslmode;
	bool		password_in_tls;	/* with verify-full it may ask for the password itself */
	char	   *client_cert;	/* PEM texts, NULL: none; the key is never logged */
	char	   *client_key;
	bool		manage_hba;
	bool		manage_role;
	bool		metadata_server;	/* a superuser's word: it may be the metadata's own */
	char	   *connector_user; /* with manage_role false: what connectors log in as, */
	char	   *connector_password; /* else NULL, both */
	int			nnodes;
	CdcNode    *nodes;
	CdcNode    *primary;		/* NULL: none known. Writer: worker/observe */
	uint64		system_identifier;	/* 0: not seen yet. Writers: worker/observe, worker/store */
	CdcNode    *other_primary;	/* claims to be one too, NULL: none does. Writer: worker/observe */
	bool		flowing;		/* its slots moved between the last two pings. Writer: worker/observe */
	bool		followed;		/* a ping has told where they are: standbys may follow. Writers: worker/observe, worker/standbys.c */
	int64		searched_at;	/* when its nodes were last asked for a primary. Writer: worker/observe */
	int64		lost_at;		/* since when there is no primary, 0: there is one. Writer: worker/observe */
	bool		release_due;	/* it may have a connection that nothing is left to do by.  Writer: worker/observe */
	List	   *databases;		/* CdcSourceDb. Writer: worker/world */
	List	   *ddl_waiting[2]; /* CdcOpRef: actions by SQL that wait for their batch; tried before. Writers: worker/execute/ddl.c, worker/world */
	bool		ddl_again_next; /* one of those that were tried before is next. Writer: worker/execute/ddl.c */
	bool		ddl_busy;		/* a batch is under way. Writer: worker/execute/ddl.c */
	CdcTurn		hba_turn;		/* of who writes pg_hba.conf */
	CdcTurn		slot_turn;		/* of who makes its slot */
	int64		standbys_since; /* something new is there for them to follow, 0: not. Writers: worker/visit.c, worker/observe */
} CdcServicePostgres;

/* Of a Kafka service and its Connect.  Writer: worker/store. */
typedef struct CdcServiceKafka
{
	bool		has_addon;
	char	   *addon_status;	/* NULL, "running", ... Writers: worker/observe, worker/execute/provider.c, worker/store */
	int			nurls;
	char	  **connect_urls;
	int			url;			/* the one that is used now. Writer: worker/observe */
	List	   *claimed;		/* "ip port": where this Connect is the organization's. Writers: worker/observe, worker/store */
	bool		connect_shared; /* a superuser's word: others may be there too */
	bool		connect_foreign;	/* by the last list it is another organization's. Writer: worker/observe */
	char	   *connect_user;
	char	   *connect_password;
	int			ncidrs;
	char	  **cidrs;			/* where Connect comes from, as registered */
	bool		cidrs_from_urls;	/* nobody said so: the network's ranges are better */
	int			nranges;		/* Writers: worker/observe, worker/store */
	char	  **ranges;			/* of its network, as last seen. Writers: worker/observe, worker/store */
	char	   *ranges_error;	/* why the network gives none, NULL. Writer: worker/observe */
	int			nagents;
	CdcAgent   *agents;			/* number n is on the host of connect_urls[n] */
	char	   *secret_path;	/* the directory of secrets that they named first, NULL: none yet. Writers: worker/observe, worker/store */
	bool		secret_path_new;	/* to be written. Writers: worker/observe, worker/store */
	char	   *connect_ca_path;	/* a superuser's: where sources' CAs are on the Connect hosts; NULL */
	bool		plaintext_password;
	CdcTri		connect_reachable;	/* Writer: worker/observe */
	char	   *connect_error;	/* Writer: worker/observe */
	bool		listing;		/* Writer: worker/observe */
	int64		listing_since;	/* Writer: worker/observe */
	int64		listed_at;		/* start of the last list that ended. Writer: worker/observe */
	int			list_ms;		/* how long it took. Writer: worker/observe */
	CdcKcList  *list;			/* the last good one, or NULL. Writer: worker/observe */
	bool		list_wanted;	/* Writer: worker/observe */
	CdcTri		plugin_present; /* Writer: worker/observe */
	char	   *plugin_missing; /* workers without it. Writer: worker/observe */
	int			plugin_asks;	/* answers outstanding. Writer: worker/observe */
	int64		plugin_at;		/* Writer: worker/observe */
	int64		plugin_since;	/* Writer: worker/observe */
	char	  **plugin_versions;	/* of each worker: "a, b", "" none, NULL no answer. Writers: worker/observe, worker/store */
	CdcTurn		plugin_turn;	/* of who asks for an installation */
	int64		plugin_changed_at;	/* when one was asked for, or had ended. Writers: worker/observe, worker/execute */
	int			failed_before;	/* connectors FAILED when the first was asked for, -1. Writers: worker/learn, worker/execute, worker/world */
	bool		rolling;		/* workers are restarted one by one: look often. Writers: worker/learn, worker/observe */
	int64		rolled_at;		/* the last such look. Writer: worker/observe */
	char	   *install_failed; /* job that failed last, and how many did. Writer: worker/learn */
	int64		install_failed_at;	/* Writer: worker/learn */
	int			install_failures;	/* Writer: worker/learn */
} CdcServiceKafka;

/* Of one that a provider makes.  Writer: worker/execute/provider.c */
typedef struct CdcServiceMade
{
	CdcProviderKind provider;	/* see cdc_provided().  Writer: worker/store */
	CdcOrder	order;			/* strings are the service's; passwords are never logged. Writer: worker/store */
	bool		ordered;		/* since the row was read */
	int64		provider_asking;	/* number of the request under way, 0: none */
	int			provider_failures;	/* to hear of it, in a row */
	char	   *provided_connection;	/* how to reach it, JSON text as last heard; NULL */
	bool		taken_back;		/* deleting: nothing of it is needed any more. Writer: worker/world */
	bool		provider_gone;	/* deleting: there is nothing of it any more, see cdc_world_provider_gone(). Writer: worker/world */
	dlist_node	gone_node;		/* Writer: worker/world */
} CdcServiceMade;

struct CdcService
{
	char		id[CDC_UUID_LEN + 1];
	MemoryContext context;		/* holds the service and all below it */
	CdcWorld   *world;
	dlist_node	node;			/* in world->services */
	CdcUsers   *users;			/* the pipelines that name it */
	CdcTended	tended[CDC_NUM_TENDS];	/* when it is seen to */
	CdcDirty	dirty[CDC_NUM_SERVICE_ROWS];	/* by CDC_ROW_SERVICE ...: to be written */
	char	   *name;
	bool		is_postgresql;
	bool		is_kafka;
	char	   *zone;
	char	   *region;
	char		organization_id[CDC_UUID_LEN + 1];
	char	   *network_id;		/* NULL: none */
	bool		needs_network;	/* is counted among those that do, see pair.h */
	bool		network_assigned;	/* it is the organization's: a superuser said so, or it was made */
	CdcTri		network_labelled;	/* ... or its label at the cloud says so, by the last look */
	char	   *status;			/* pending, running, ... */
	char	   *status_message;
	bool		deleting;
	bool		any_address;	/* its addresses are the operator's, or a provider's */
	bool		before_rules;	/* registered before there were rules for addresses and logins */
	char	   *error;			/* why it did not load (secret, JSON); NULL */
	List	   *findings;		/* CdcFindingRow, see findings.h */

	char	   *connection;		/* how it is reached, JSON text of its row; no secret in it */
	bool		loaded_anew;	/* the row was read, and what it says not yet judged */
	char	   *ca;
	bool		network_asking;
	int64		network_at;		/* start of the last look at its network that ended, 0 never */
	char	   *network_error;	/* why that cannot be looked at, NULL */

	CdcServicePostgres pg;
	CdcServiceKafka kafka;
	CdcServiceMade made;
};

/* An operation's end, as the executor saw it. */
typedef enum CdcOpEnd
{
	CDC_OP_DONE,
	CDC_OP_FAILED,				/* certainly without effect */
	CDC_OP_UNKNOWN				/* it may have had or may still have its effect */
} CdcOpEnd;

/*
 * What happens outside for one pipeline: at most one at a time, but for those
 * that cdc_decide_beside() (reconciler/beside.h) lets run side by side.
 */
typedef struct CdcOp
{
	CdcPipeline *pipeline;
	struct CdcOp *beside;		/* another one that is under way, or NULL */
	CdcAction	action;
	const CdcRule *rule;
	int64		started;		/* 0: its intent is not committed yet */
	uint64		serial;			/* answers carry it: a late one finds another op */
	void	   *state;			/* the executor's, in the pipeline's op_context */
	dlist_node	node;			/* in world->starting, or in world->ended */
	const struct json_object *event;	/* which tells of it, while that is not written; or NULL */
	bool		ended;			/* is in world->ended: */
	CdcOpEnd	end;			/* how, */
	char	   *words;			/* and what is told of it; or NULL */
} CdcOp;

/* What its owner wants.  Writer: worker/store. */
typedef struct CdcPipelineWanted
{
	char	   *name;
	char	   *database;
	int			ntables;
	const char **tables;
	char	   *topic_prefix;
	char	   *snapshot_mode;
	struct json_object *options;
	int			config_generation;	/* of the configuration that it was made with */
	bool		want_deleted;	/* Writer: worker/world */
	bool		force;
	int			wanted_generation;	/* higher: a new one is due */
	int			adopt_asked;	/* how often a superuser has said that what has our names is ours */
} CdcPipelineWanted;

/*
 * What is remembered over a restart, and written with the turn: intents, and what
 * was learned.  Changed by kept.h and streamed.h alone; the store fills it in.
 * Writers: worker/world, worker/store.
 */
typedef struct CdcPipelineKept
{
	CdcStatus	status;
	CdcStep		step;
	char	   *error_message;
	bool		has_connector_name;
	bool		has_publication_name;
	bool		has_slot_name;
	bool		was_running;
	int64		snapshot_run;	/* until Connect is seen to have stored that the
								 * snapshot has finished: when the walsender of
								 * its run began, epoch us; 0: stored */
	bool		discarding;
	bool		slot_absent_before;
	bool		offsets_clean;	/* none can be stored under our connector's name */
	bool		absent;			/* deleting: all of it was seen absent, users see it no more */
	char	   *gap;			/* JSON text while one is being repaired */
	uint64		streamed_system;	/* the history on which it streamed last; */
	uint32		streamed_timeline;	/* 0: it has not, or a new snapshot is due */
	CdcTimelineSwitch streamed_from;	/* which timeline that one left, and where;
										 * timeline 0: none, or not known */
	char	   *streamed_node;	/* "address:port" */
	int64		streamed_started;	/* when that server was started, its clock,
									 * epoch us; 0: not seen yet */
	uint64		came_lsn;		/* where its WAL ended when it was first seen after
								 * a start; 0: that was compared with the offset */
	uint64		reached;		/* the highest position seen confirmed on it */
	uint64		rewritten_lsn;	/* where its WAL was seen to end below that, not
								 * judged yet; 0: nowhere */
	bool		usurped;		/* somebody else was seen on the slot, not judged yet */
	char	   *failover;		/* JSON text of a verdict that is being carried out */
	int			adopted;		/* of those, carried out */
	TimestampTz mutated_at;		/* 0: never */
	int			nfailures;		/* within the last 10 minutes */
	TimestampTz failures[8];
} CdcPipelineKept;

/* The connector role's password.  Writers: worker/execute, worker/store. */
typedef struct CdcPipelineSecret
{
	int			generation;		/* of the password below; 0: none yet */
	int			role_generation;	/* the one that the role was given last */
	char	   *password;		/* of the connector role; NULL: not made yet */
	char	   *verifier;
	bytea	   *sealed[2];		/* both, encrypted, until written */
	char	   *sealed_key[2];
	char	   *secret_error;	/* why it could not be decrypted, or NULL */
} CdcPipelineSecret;

/* What was seen of it, by the last looks.  Writer: worker/observe. */
typedef struct CdcPipelineLook
{
	MemoryContext obs_context;	/* holds seen and server.  Writer: worker/world */
	CdcSourcePipeline *seen;	/* of the last observation that answered */
	int64		seen_at;		/* start of that observation, 0: none */
	bool		seen_failed;	/* the newest observation failed */
	char	   *seen_error;
	char		seen_sqlstate[6];
	int64		look_at;		/* start of the newest observation that ended */
	char		watched[64];	/* its slot as the last watch told; "": none */
	CdcSourceObs server;		/* scalars of that observation */
	CdcKcOffsets offsets;
	CdcTri		offsets_known;	/* NO: connector absent; YES: read */
	int64		offsets_at;
	bool		offsets_asking;
	uint64		primary_lsn;	/* of its slot, by the last ping; 0: none */
	bool		waiting;		/* for an observation: is in world->waiting. Writer: worker/world */
	dlist_node	waiting_node;	/* Writer: worker/world */
	CdcSourceDb *asks_of[CDC_NUM_ASKS]; /* in whose asked it is, NULL: in none. Writer: worker/world */
	dlist_node	ask[CDC_NUM_ASKS];	/* Writer: worker/world */
} CdcPipelineLook;

/*
 * What was learned from looks, and is lost with the process but for what the store
 * fills in.  Writers: worker/learn, worker/store.
 */
typedef struct CdcPipelineLearned
{
	int64		stored_seen;	/* loop time at which that was seen stored, to be
								 * confirmed by a later look at the source; 0 */
	int64		another_seen;	/* loop time at which another walsender than that of
								 * snapshot_run was seen, to be judged by offsets that
								 * are asked for after it; 0 */
	int64		came_at;		/* loop time of that. Writers: worker/world, worker/store */
	int64		reached_at;		/* loop time at which that was seen, 0: remembered. Writer: worker/world */
	char	   *connector_state;	/* as last written to pipeline_observed */
	char	   *task_states;
	int64		lag;			/* bytes, -1 unknown. Writers: worker/learn, worker/world, worker/store */
	bool		failure_seen;	/* the present FAILED has been counted. Writers: worker/learn, worker/execute, worker/world */
	int64		restart_at;		/* when the next restart is due */
	char	   *failure;		/* text of the last failure */
	uint64		flushed;		/* confirmed_flush_lsn last seen */
	int64		flushed_at;		/* when it last moved */
	int64		flush_interval; /* longest interval seen between moves */
	int64		slot_held_since;	/* teardown: slot active since */
	int64		idle_since;		/* teardown, new snapshot: the connector was seen stopped,
								 * without tasks: offsets read later are its last; 0 */
	int64		stopped_seen;	/* failover: the connector was seen stopped, without
								 * tasks: offsets read later are its last */
} CdcPipelineLearned;

/* What is under way, and what was done last.  Writers: worker/visit.c, worker/pace.c. */
typedef struct CdcPipelineDoing
{
	int64		put_at;			/* when Connect accepted our connector, 0: not. Writer: worker/execute */
	int64		restarted_at;	/* Writer: worker/execute */
	bool		clean_before;	/* no offsets could be stored before what is under way. Writer: worker/execute */
	int64		shows_at;		/* a FAILED until then may be the former task's. Writer: worker/execute */
	CdcOp	   *op;				/* the first of those under way, NULL: none is. Writers: worker/visit.c, worker/world */
	bool		op_failed;		/* one of those that were begun together did */
	MemoryContext op_context;	/* they are in it. Writer: worker/world */
	char	   *op_error;		/* of the last operation, NULL when it was done */
	CdcAction	op_error_action;
	CdcAction	done_action;	/* the last operation that was done ... */
	int64		done_at;		/* ... and when */
} CdcPipelineDoing;

/*
 * When it is visited next, and what must have been looked at by then.  Others say
 * so by plan.h.  Writers: worker/visit.c, worker/pace.c, worker/round.c,
 * worker/world, worker/store.
 */
typedef struct CdcPipelinePlan
{
	bool		round_due;		/* a health round began, the look has not ended */
	bool		checked;		/* a health round looked: stamp the time */
	int			rounds_running; /* health rounds since Running */
	CdcDecision decision;		/* the last one */
	CdcRing		ring;			/* those that are visited in this turn. Writer: worker/world */
	int64		next_visit;		/* 0: none planned. Writer: worker/world */
	bool		woken;			/* a turn that it waited for is free. Writer: worker/world */
	int64		due;			/* by these two, 0: never, or something is under way. Writer: worker/world */
	uint64		planned;		/* number of that plan. Writer: worker/world */
	pairingheap_node due_node;	/* in world->due, unless due is 0. Writer: worker/world */
	bool		asked;			/* by check_health(): a Failed one is tried now */
	int64		source_since;	/* looks at the source begun before do not count */
	int64		connect_since;	/* looks at Connect begun before do not count */
	int64		network_since;	/* looks at the networks begun before do not count */
	int64		rule_since;		/* since when the same rule fires */
	int			attempts;		/* consecutive transient faults */
} CdcPipelinePlan;

struct CdcPipeline
{
	char		id[CDC_UUID_LEN + 1];
	char		object_name[13 + CDC_SHORT_LEN + 1];	/* mdb_pipeline_xxxxxxxx */
	char		connector_name[13 + CDC_SHORT_LEN + 1]; /* mdb-pipeline-xxxxxxxx */
	MemoryContext context;		/* holds the pipeline */
	CdcWorld   *world;
	dlist_node	node;			/* in world->pipelines */
	char		source_id[CDC_UUID_LEN + 1];
	char		sink_id[CDC_UUID_LEN + 1];
	CdcUsers   *of_source;		/* who has the same source, in as_source of: */
	CdcUsers   *of_sink;
	dlist_node	source_node;
	dlist_node	sink_node;
	dlist_node	leaving_node;	/* in leaving of of_sink, when wanted.want_deleted */
	CdcService *source;			/* NULL: gone from the tables */
	CdcService *sink;
	CdcDirty	dirty[CDC_NUM_PIPELINE_ROWS];	/* by CDC_ROW_SPEC ...: to be written */
	CdcTurnPlace turns[CDC_NUM_TURNS];	/* where it is in those */
	List	   *shadows;		/* CdcShadow, one a node that is not the primary */
	List	   *findings;		/* CdcFindingRow, see findings.h */

	CdcPipelineWanted wanted;
	CdcPipelineKept kept;
	CdcPipelineSecret secret;
	CdcPipelineLook look;
	CdcPipelineLearned learned;
	CdcPipelineDoing doing;
	CdcPipelinePlan plan;
};

/*
 * The pipelines that name one service, whether it is there or not: services come
 * anew whenever their row changes.  Writer: worker/world.
 */
struct CdcUsers
{
	char		id[CDC_UUID_LEN + 1];	/* of the service */
	CdcService *service;		/* NULL: gone from the tables, or not read yet */
	CdcRing		ring;			/* of its pipelines, as a source; in its organization's */
	int			n_of_source;	/* how many there are in: */
	dlist_head	as_source;		/* CdcPipeline, by source_node */
	dlist_head	as_sink;		/* CdcPipeline, by sink_node */
	dlist_head	leaving;		/* of these those that are to be deleted, by leaving_node */
};

struct CdcWorld
{
	CdcLoop    *loop;
	MemoryContext context;
	dlist_head	services;		/* CdcService, by node */
	dlist_head	pipelines;		/* CdcPipeline, by node */
	struct HTAB *by_service;	/* CdcUsers by the service's id, see index.h */
	struct HTAB *by_pipeline;
	struct HTAB *by_pair;		/* CdcPair by its networks, see pair.h */
	struct HTAB *by_network;	/* how many services need one */
	List	   *pairs;			/* CdcPair */
	int64		pairs_due;		/* when they are seen to next */
	bool		removals_planned;	/* of some: they are sent after the turn */
	CdcSdn		sdn;
	char	   *installation;	/* id of this installation; NULL: not read yet */
	dlist_head	waiting;		/* CdcPipeline that waits for looks, by look.waiting_node */
	CdcRing		ready;			/* of organizations: pipelines that are visited in this turn, see plan.h */
	pairingheap *due;			/* CdcPipelinePlan: those that are visited by their time, by due */
	uint64		planned;		/* number of the last plan */
	pairingheap *tended[CDC_NUM_TENDS]; /* CdcTended: services that are seen to, by their times */
	dlist_head	asking;			/* CdcSourceDb in which pipelines want a look or a watch */
	pairingheap *calls;			/* CdcTurn to which somebody is called, by called_until */
	dlist_head	starting;		/* CdcOp whose intent is to be written, or is; see operation.h */
	dlist_head	ended;			/* CdcOp that have ended */
	dlist_head	gone;			/* CdcService of which its provider has nothing any more, by made.gone_node */
	List	   *ddl_due;		/* CdcService: whose batch may begin, see execute/ddl.c */
	bool		acting;			/* may mutate outside */
	char	   *idle_reason;	/* why not */
	CdcFence	fence;
	int64		next_round;
	uint64		round;
	bool		loaded;			/* all rows have been read once */
	bool		work_pending;	/* the queue may hold something */
	struct json_object *events; /* array, to be written with the next turn */
	int64		events_since;	/* when the first of them happened */
	struct json_object *held_events;	/* those whose row or table somebody holds; NULL */
	int64		held_events_at; /* when they are tried again */
	char	   *held_by;		/* who has locked a table, so that nothing is written there; NULL */
	int64		work_again_at;	/* when the queue is looked at again for that, 0: not */
	CdcDirtyRows dirty;			/* what is to be written with the next turn */
	bool		round_asked;	/* by check_health(): Failed ones are looked at too */
	bool		adopt_due;		/* an agent that was adopted keeps another epoch */
	bool		regions_due;	/* zones and limits are read again with the next turn */
	struct HTAB *organizations; /* CdcOrganization by id, see organization.h; NULL: none yet */
	List	   *rounds;			/* CdcOrganization of which a round is wanted */
	uint64		serial;			/* of the last operation */
};

/* The world of this process; the loop exists. */
extern CdcWorld *cdc_world_create(CdcLoop *loop);

/*
 * Forgets an object: closes its connections, frees its memory; pipelines of a
 * service have none until its row comes again.  Requests under way carry ids,
 * never pointers, so their answers find nothing and are dropped.
 */
extern void cdc_world_remove_service(CdcService *service);
extern void cdc_world_remove_pipeline(CdcPipeline *pipeline);

/* Is there a secret that could not be decrypted when it was loaded? */
extern bool cdc_world_lacks_secret(CdcWorld *world);

/* Forgets all services, pipelines and pairs: their rows are read anew. */
extern void cdc_world_forget_rows(CdcWorld *world);

/* Forgets everything (extension dropped, not acting any more). */
extern void cdc_world_clear(CdcWorld *world);

/* Is the service of a provider that makes servers? */
extern bool cdc_provided(const CdcService *service);

/* snapshot_mode initial_only: no slot, no publication, nothing streams. */
extern bool cdc_initial_only(const CdcPipeline *pipeline);

/* All nodes of a source are to be looked at: something was changed there. */
extern void cdc_world_want_nodes(CdcService *source);

/* This one is. */
extern void cdc_world_want_node(CdcNode *node);

/* A node of a source (may be NULL) by its address; NULL when there is none. */
extern CdcNode *cdc_world_node(CdcService *source, const char *address, int port);

/* The database object of a source, made when it is not there. */
extern CdcSourceDb *cdc_world_database(CdcService *source, const char *database);

/* Closes the connections of a database; the next look opens new ones. */
extern void cdc_world_hang_up(CdcSourceDb *db);

/*
 * An authentic mark above ours was seen: another control plane acts, and this one
 * sends nothing from now on.  The next turn writes it.
 */
extern void cdc_world_note_higher(CdcWorld *world, const CdcEpoch *theirs);

/*
 * Adds an event for the next turn.  status_from/to may be NULL; message must
 * be free of secrets; detail is taken over (may be NULL).  What is returned is
 * good for cdc_world_unsay() alone, and only until that turn is over.
 */
extern struct json_object *cdc_world_event(CdcPipeline *pipeline, const char *kind, const char *rule, const char *status_from,
										   const char *status_to, const char *step, const char *message, struct json_object *detail);

/* What an event that is not written yet tells of has not happened. */
extern void cdc_world_unsay(CdcWorld *world, const struct json_object *event);

/* Replaces a string owned by context: frees *where, sets a copy (or NULL). */
extern void cdc_set_string(MemoryContext context, char **where, const char *value);

/* Equal, NULL equal to NULL only. */
extern bool cdc_same(const char *a, const char *b);

#endif							/* CDC_WORLD_H */
