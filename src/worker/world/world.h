/*
 * world.h
 *	  What the worker holds in memory: services (service.h) and pipelines.
 *	  Desired state comes from the store, the observed state from the peers;
 *	  nothing here is the only copy of anything that matters.
 *
 * Owns the structures and their memory; does no I/O and no SQL.  All times
 * are cdc_loop_now() milliseconds unless a name says otherwise.
 */
#ifndef CDC_WORLD_H
#define CDC_WORLD_H

#include "postgres.h"
#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "common/ring.h"
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
#include "worker/world/sdn_seen.h"
#include "worker/world/service.h"
#include "worker/world/tend.h"
#include "worker/world/turn.h"

/* A pipeline's slot on one standby, and whether the standby is ready.  Writer: worker/world. */
typedef struct CdcShadow
{
	char	   *address;
	int			port;
	uint32		timeline;		/* of the node when the slot was made by us, 0: it was not */
	bool		busy;			/* a statement is under way. Writer: worker/execute/shadow.c */
	bool		making;			/* which makes the slot: it shows there, half made. Writer: worker/execute/shadow.c */
	int64		tried_at;		/* when one was last begun. Writer: worker/execute/shadow.c */
	int64		moved_at;		/* when the slot was last moved, or looked at first */
	uint64		lsn;			/* to which we last moved it, 0: not since the last probe. Writer: worker/execute/shadow.c */
	int64		unready_since;	/* when it was first seen not to be ready, 0: it is. Writer: worker/world */
	uint64		seen_lsn;		/* the furthest that it was seen, or that we moved it to; 0: never seen. Writer: worker/world */
	int64		found_at;		/* when it was first seen there. Writer: worker/world */
	int64		kept_at;		/* when it was last seen to have been moved by somebody else. Writer: worker/world */
	char	   *error;			/* of the last statement, NULL when it was done. Writer: worker/execute/shadow.c */
	bool		ready;
	char	   *missing;		/* NULL when ready */
	char	   *fix_sql;		/* what to type, or NULL */
	bool		dirty;			/* to be written to cdc.pipeline_standby */
	bool		gone;			/* the node left: to be deleted there */
} CdcShadow;

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
 * Writer: worker/world.
 */
typedef struct CdcOp
{
	CdcPipeline *pipeline;
	struct CdcOp *beside;		/* another one that is under way, or NULL */
	CdcAction	action;
	const CdcRule *rule;
	int64		started;		/* 0: its intent is not committed yet */
	uint64		serial;			/* answers carry it: a late one finds another op */
	void	   *state;			/* the executor's, in the pipeline's op_context. Writer: worker/execute */
	dlist_node	node;			/* in world->starting, or in world->ended */
	const struct json_object *event;	/* which tells of it, while that is not written; or NULL. Writer: worker/visit.c */
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
	uint64		read;			/* how often its row was read: options are others then */
	int			config_generation;	/* of the configuration that it was made with */
	bool		want_deleted;	/* Writer: worker/world */
	bool		force;
	int			wanted_generation;	/* higher: a new one is due */
	TimestampTz paused_at;		/* since when a pause is asked for, 0: none is */
	int			restart_asked;	/* how often a restart was */
	int			adopt_asked;	/* how often a superuser has said that what has our names is ours */
} CdcPipelineWanted;

/*
 * What is remembered over a restart, and written with the turn: intents, and what
 * was learned.  Changed by kept.h and streamed.h alone, which the store has fill
 * it in.  Writer: worker/world.
 */
typedef struct CdcPipelineKept
{
	CdcStatus	status;
	CdcStep		step;
	char	   *error_message;
	TimestampTz told_since;		/* since when there has been one; 0: there is none,
								 * or it is from before this process.  Writer:
								 * worker/world */
	bool		has_connector_name;
	bool		has_publication_name;
	bool		has_slot_name;
	bool		was_running;
	int64		snapshot_run;	/* until Connect is seen to have stored that the
								 * snapshot has finished: when the walsender of
								 * its run began, epoch us; 0: stored */
	bool		discarding;
	int			snapshot_rounds;	/* how many snapshots in a row were interrupted. Writer: worker/world */
	TimestampTz snapshot_round_at;	/* when the last one was; 0: the next may begin. Writer: worker/world */
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
	TimestampTz pause_ended;	/* the pause, by when it was asked for, that its limit
								 * has ended; 0: none */
	int			restarted;		/* of those asked for, begun */
	char	   *identities;		/* tables that were given REPLICA IDENTITY FULL, and what
								 * they had: JSON {oid: relreplident}; NULL: none */
	char	   *unlogged;		/* of all tables: those that were seen unlogged, JSON [oid];
								 * NULL: none */
	char	   *relations;		/* what was seen to hold the rows, JSON {oid: [...]} as a look
								 * has it; NULL: not looked at */
	TimestampTz mutated_at;		/* 0: never */
	int			nfailures;		/* within the last 10 minutes */
	TimestampTz failures[8];
} CdcPipelineKept;

/* The connector role's password; changed by kept.h alone.  Writer: worker/world. */
typedef struct CdcPipelineSecret
{
	int			generation;		/* of the password below; 0: none yet */
	int			role_generation;	/* the one that the role was given last */
	char	   *password;		/* of the connector role; NULL: not made yet */
	char	   *verifier;
	char	   *verifier_hash;	/* of it, as a look tells the role's */
	bytea	   *sealed[2];		/* both, encrypted, until written */
	char	   *sealed_key[2];
	char	   *secret_error;	/* why it could not be decrypted, or NULL */
} CdcPipelineSecret;

/* What waits behind its slot; see observe/pending.c.  Writer: worker/observe. */
typedef struct CdcPipelinePending
{
	int64		of;				/* of what stands still since then, see learn/stream.c; 0: not asked */
	int64		asked_at;
	bool		asking;
	bool		read;			/* the first transaction that was not confirmed was read, to its end: */
	char	   *tables;			/* what it changes, each as it is kept, a line each; NULL: none waits */
	char	   *words;			/* why the server does not give it out, or lets nobody in to fetch it; NULL */
} CdcPipelinePending;

/* What was seen of it, by the last looks.  Writer: worker/observe. */
typedef struct CdcPipelineLook
{
	MemoryContext obs_context;	/* holds seen and server.  Writer: worker/world */
	CdcSourcePipeline *seen;	/* of the last observation that answered */
	int64		seen_at;		/* start of that observation, 0: none */
	bool		seen_failed;	/* the newest observation failed */
	char	   *seen_error;
	char		seen_sqlstate[6];
	char	   *elsewhere;		/* of one that is being deleted, where it is looked at in place of its
								 * database, which is not there by its name; NULL: nowhere else */
	bool		gone;			/* that database was dropped, with all that was in it */
	int64		look_at;		/* start of the newest observation that ended */
	int64		asked_since;	/* start of the one under way, 0: none */
	char		watched[64];	/* its slot as the last watch told; "": none */
	CdcColumnsTold columns;
	CdcSourceObs server;		/* scalars of that observation */
	CdcKcOffsets offsets;
	CdcTri		offsets_known;	/* NO: connector absent; YES: read */
	int64		offsets_at;
	bool		offsets_asking;
	int64		connector_since;	/* start of the look at its connector alone that is under way, 0: none */
	int64		connector_at;	/* start of the last one that was answered and is in the list; 0: none */
	int64		connector_ended;	/* its end */
	uint64		primary_lsn;	/* of its slot, by the last ping; 0: none */
	char	   *why;			/* its snapshot fails, as the source says; NULL */
	int			why_round;		/* after which it was asked */
	CdcPipelinePending pending; /* Writer: worker/observe */
	bool		waiting;		/* for an observation: is in world->waiting. Writer: worker/world */
	dlist_node	waiting_node;	/* Writer: worker/world */
	CdcSourceDb *asks_of[CDC_NUM_ASKS]; /* in whose asked it is, NULL: in none. Writer: worker/world */
	dlist_node	ask[CDC_NUM_ASKS];	/* Writer: worker/world */
} CdcPipelineLook;

/* Tables that were away while the task was started; see learn/away.c.  Writer: worker/learn. */
typedef struct CdcPipelineAway
{
	int64		running_at;		/* loop time since which it is watched, 0: it is not */
	bool		is;				/* one is away now */
	bool		task_began;		/* and a walsender was seen that began since they were all there */
	bool		missed;			/* they are back, and it was so: a gap */
	int64		left_us;		/* the last look at which all were there, the source's clock */
	int64		mark;			/* of the last look at columns, 0: none since then */
	int64		mark_us;		/* when that was, the source's clock */
	int64		changed_from_us;	/* it changed between these two looks last */
	int64		changed_to_us;	/* 0: it has not */
} CdcPipelineAway;

/* Whether one walsender streams on and on; see learn/stream.c.  Writer: worker/learn. */
typedef struct CdcPipelineStream
{
	int64		run_us;			/* when the walsender began that was seen to stream last, epoch us; 0: none */
	int64		run_at;			/* loop time since which it is the same */
	uint32		worker;			/* hash of the name of Connect's worker that the task was on last; 0: not seen */
	int			ended;			/* so many ended by themselves since one stayed */
	int64		silent_at;		/* loop time since which the task runs and nothing streams, 0: it does */
	int64		stuck_since;	/* loop time since which it is in need of a reason, 0: it is not */
	TimestampTz told_since;		/* the same by the clock: nothing streams, or not for long */
} CdcPipelineStream;

/* Of pipeline_observed what is a figure, each 0 where there is none (lag: -1).  Writer: worker/world. */
typedef struct CdcObservedRow
{
	int64		lag;
	uint64		flushed;
	uint64		stored;
	uint64		system_identifier;
	uint32		timeline;
} CdcObservedRow;

/*
 * What was learned from looks, and is lost with the process but for what is in
 * pipeline_observed.  Writer: worker/learn.
 */
typedef struct CdcPipelineLearned
{
	int64		stored_seen;	/* loop time at which that was seen stored, to be
								 * confirmed by a later look at the source; 0 */
	int64		another_seen;	/* loop time at which another walsender than that of
								 * snapshot_run was seen, to be judged by offsets that
								 * are asked for after it; 0 */
	int64		came_at;		/* loop time of that. Writer: worker/world */
	int64		reached_at;		/* loop time at which that was seen, 0: remembered. Writer: worker/world */
	char	   *connector_state;	/* as last written to pipeline_observed. Writer: worker/world */
	char	   *task_states;	/* Writer: worker/world */
	int64		lag;			/* bytes, -1 unknown. Writer: worker/world */
	CdcObservedRow written;		/* as its row has it. Writer: worker/world */
	bool		failure_seen;	/* the present FAILED has been counted. Writer: worker/world */
	int64		restart_at;		/* when the next restart is due */
	int64		relations_at;	/* look.seen_at of the look whose relations were compared last. Writer: worker/learn */
	char	   *failure;		/* text of the last failure */
	uint64		flushed;		/* confirmed_flush_lsn last seen. Writer: worker/world */
	int64		flushed_at;		/* when it last moved */
	int64		flush_interval; /* longest interval seen between moves */
	int64		flow_run;		/* when the walsender began of which these are, epoch us; 0: none streams */
	bool		moved;			/* it has under that one: an interval that begins with a move is a whole one */
	int			moves;			/* whole intervals under it, */
	int64		shortest;		/* and the shortest, ms */
	int64		slot_seen_at;	/* before the first Running: since when its slot has been there, 0: it is not */
	int64		running_at;		/* when the snapshot was first seen to have ended, */
	bool		snapshot_long;	/* and that it took long */
	bool		store_tried;	/* stopped once since, so that Connect stores that */
	int64		slot_held_since;	/* teardown: slot active since */
	bool		config_as_wanted;	/* of its connector, by the look of this visit: */
	uint64		config_serial;	/* what was last found to be as wanted: the connector's, */
	uint64		config_digest;	/* and of what is wanted; 0: nothing was */
	int64		idle_since;		/* teardown, new snapshot: the connector was seen stopped,
								 * without tasks: offsets read later are its last; 0 */
	int64		stopped_seen;	/* failover: the connector was seen stopped, without
								 * tasks: offsets read later are its last */
	uint64		paused_lsn;		/* where its WAL ended when it was first seen paused, 0 */
	int64		paused_us;		/* and when that was, the source's clock */
	CdcPipelineAway away;		/* Writer: worker/learn */
	CdcPipelineStream stream;	/* Writer: worker/learn */
	bool		refused;		/* Kafka refused a record, and nothing was confirmed since: */
	int64		refused_run;	/* not by the walsender that began then (epoch us), */
	uint64		refused_lsn;	/* which had this confirmed when it was first seen */
} CdcPipelineLearned;

/* What is under way, and what was done last.  Writers: worker/visit.c, worker/pace.c. */
typedef struct CdcPipelineDoing
{
	int64		put_at;			/* when Connect accepted our connector, 0: not. Writer: worker/execute */
	int64		restarted_at;	/* Writer: worker/execute */
	bool		clean_before;	/* no offsets could be stored before what is under way. Writer: worker/execute */
	int64		shows_at;		/* a FAILED until then may be the former task's. Writer: worker/execute */
	CdcOp	   *op;				/* the first of those under way, NULL: none is. Writer: worker/world */
	bool		op_failed;		/* one of those that were begun together did */
	MemoryContext op_context;	/* they are in it; NULL: there was none since cdc_op_clear(). Writer: worker/world */
	char	   *op_error;		/* of the last operation, NULL when it was done */
	CdcAction	op_error_action;
	CdcAction	done_action;	/* the last operation that was done ... */
	int64		done_at;		/* ... and when */
} CdcPipelineDoing;

/*
 * When it is visited next, and what must have been looked at by then.  Others say
 * so by plan.h.  Writers: worker/visit.c, worker/pace.c, worker/round.c.
 */
typedef struct CdcPipelinePlan
{
	bool		round_due;		/* a health round began, the look has not ended. Writer: worker/world */
	bool		checked;		/* a health round looked: its own row is to say so. Writer: worker/world */
	TimestampTz checked_at;		/* when one looked last, 0: none has. Writer: worker/world */
	TimestampTz checked_written;	/* what its own row says of that, 0: nothing. Writer: worker/world */
	int			rounds_running; /* health rounds since Running */
	CdcDecision decision;		/* the last one */
	CdcRing		ring;			/* those that are visited in this turn. Writer: worker/world */
	int64		next_visit;		/* 0: none planned. Writer: worker/world */
	bool		woken;			/* a turn that it waited for is free. Writer: worker/world */
	int64		due;			/* by these two, 0: never, or something is under way. Writer: worker/world */
	uint64		planned;		/* number of that plan. Writer: worker/world */
	pairingheap_node due_node;	/* in world->due, unless due is 0. Writer: worker/world */
	bool		asked;			/* by check_health(): a Failed one is tried now */
	int64		source_since;	/* looks at the source begun before do not count. Writer: worker/world */
	int64		connect_since;	/* looks at Connect begun before do not count. Writer: worker/world */
	int64		network_since;	/* looks at the networks begun before do not count. Writer: worker/world */
	int64		rule_since;		/* since when the same rule fires */
	int			attempts;		/* consecutive transient faults. Writer: worker/world */
} CdcPipelinePlan;

/* Each record in it has writers of its own.  Writer: worker/world. */
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
	int64		starts_at;		/* loop time at which its task, which makes its slot, was started; 0: it is there, or not to come */
	dlist_node	starting_node;	/* while so, in of_source->starting */
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
	int			unchecked;		/* of its pipelines, as a source, those that a health round is to look at yet */
	bool		passed_over;	/* and there is one that runs and was not to be looked at */
	TimestampTz checked_at;		/* when all had been looked at last, 0: not yet */
	int			n_of_source;	/* how many there are in: */
	dlist_head	as_source;		/* CdcPipeline, by source_node */
	dlist_head	as_sink;		/* CdcPipeline, by sink_node */
	dlist_head	starting;		/* CdcPipeline by starting_node, see slot_starts.h; who was started first is first */
	dlist_head	leaving;		/* of these those that are to be deleted, by leaving_node */
};

/* All of it, and what the worker as a whole is to do next (agenda.h).  Writer: worker/world. */
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
	bool		removals_planned;	/* of some: they are sent after the turn. Writer: worker/execute/network.c */
	CdcSdn		sdn;
	char	   *installation;	/* its id; NULL: not read yet. Writer: worker/store */
	dlist_head	waiting;		/* CdcPipeline that waits for looks, by look.waiting_node */
	CdcRing		ready;			/* of organizations: pipelines that are visited in this turn, see plan.h */
	pairingheap *due;			/* CdcPipelinePlan: those that are visited by their time, by due */
	uint64		planned;		/* number of the last plan */
	pairingheap *tended[CDC_NUM_TENDS]; /* CdcTended: services that are seen to, by their times */
	dlist_head	asking;			/* CdcSourceDb in which pipelines want a look or a watch */
	pairingheap *calls;			/* CdcTurn to which somebody is called, by call */
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
	struct HTAB *reloads;		/* CdcReload by id, see reload.h; NULL: none yet */
	pairingheap *reloads_wanted;	/* CdcReload, the next one first */
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

/* A node of a source (may be NULL) by its address; NULL when there is none. */
extern CdcNode *cdc_world_node(CdcService *source, const char *address, int port);

/* Its address and port, as they are told and as its findings go by: palloc'd. */
extern char *cdc_node_words(const CdcNode *node);

/* The database object of a source, made when it is not there. */
extern CdcSourceDb *cdc_world_database(CdcService *source, const char *database);

/* It has a connection to the primary that there is: for looks, or for actions. */
extern void cdc_world_connected(CdcSourceDb *db, CdcPgConn *conn, CdcPgConn *ddl);

/* Closes the connections of a database; the next look opens new ones. */
extern void cdc_world_hang_up(CdcSourceDb *db);

/*
 * Adds an event for the next turn.  status_from/to may be NULL; message must
 * be free of secrets; detail is taken over (may be NULL).  What is returned is
 * good for cdc_world_unsay() alone, and only until that turn is over.
 */
extern struct json_object *cdc_world_event(CdcPipeline *pipeline, const char *kind, const char *rule, const char *status_from,
										   const char *status_to, const char *step, const char *message, struct json_object *detail);

/* What an event that is not written yet tells of has not happened. */
extern void cdc_world_unsay(CdcWorld *world, const struct json_object *event);

/* All that wait, those first that were held; a reference to each is the caller's. */
extern List *cdc_world_take_events(CdcWorld *world);

/* Somebody holds what these belong to: tried again at that time.  No more than so many: how many of the oldest are lost. */
extern size_t cdc_world_hold_events(CdcWorld *world, const List *events, size_t most, int64 again_at);

extern void cdc_world_forget_events(CdcWorld *world);

/* A number that no other operation of this worker has. */
extern uint64 cdc_world_serial(CdcWorld *world);

/* Replaces a string owned by context: frees *where, sets a copy (or NULL). */
extern void cdc_set_string(MemoryContext context, char **where, const char *value);

/* Equal, NULL equal to NULL only. */
extern bool cdc_same(const char *a, const char *b);

#endif							/* CDC_WORLD_H */
