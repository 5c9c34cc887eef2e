/*
 * facts.h
 *	  What the records say: small questions that several wings ask.
 *
 * Every answer is of what is in memory; nothing is asked outside, changed or
 * decided.
 */
#ifndef CDC_FACTS_H
#define CDC_FACTS_H

#include "worker/world/world.h"

/* What a pipeline's decision needs to know; bits. */
#define CDC_NEED_SOURCE		1
#define CDC_NEED_CONNECT	2
#define CDC_NEED_OFFSETS	4
#define CDC_NEED_PLUGIN		8
#define CDC_NEED_NETWORK	16
#define CDC_NEED_AGENTS		32

/* The pipeline's connector as it was seen last, by name and mark; NULL when absent, somebody else's, or unknown. */
extern const CdcKcConnector *cdc_connector_of(const CdcPipeline *pipeline);

/*
 * When the look at Connect began that says most of the pipeline's connector, the last
 * list or one at the connector alone; and when it ended: what is asked for from then on
 * is younger than all that it says.  0: none, or no sink.
 */
extern int64 cdc_connect_seen_at(const CdcPipeline *pipeline);
extern int64 cdc_connect_seen_by(const CdcPipeline *pipeline);

/* The Connect URL in use. */
extern const char *cdc_connect_url(const CdcService *sink);

/* options.no_key: is REPLICA IDENTITY FULL set on tables without a key; is of these nothing but INSERT published? */
extern bool cdc_no_key_full(const CdcPipeline *pipeline);
extern bool cdc_no_key_inserts(const CdcPipeline *pipeline);

/*
 * Event triggers on the source give its new tables an identity where it captures all
 * and no_key is full; are they to be made now, as far as the last look knows?
 */
extern bool cdc_wants_trigger(const CdcPipeline *pipeline);
extern bool cdc_trigger_due(const CdcPipeline *pipeline);

/*
 * Where its things on the source are looked at and changed: in the database that was
 * named, unless it is being deleted and that is not there (CdcPipelineLook).  What that is
 * called now, by its slot as the primary was last looked at; NULL: no other name is known.
 */
extern const char *cdc_place_of(const CdcPipeline *pipeline);
extern const char *cdc_database_now(const CdcPipeline *pipeline);

/* The pipeline's part of a source query; points into the pipeline. */
extern CdcSourceAsk cdc_source_ask_of(const CdcPipeline *pipeline);

/* How long the slot may stand still while it streams, ms: what was seen, and some rounds. */
extern int64 cdc_flow_patience(const CdcPipeline *pipeline);

/* An option that its user has set, as text; NULL: not set. */
extern const char *cdc_option_of(const CdcPipeline *pipeline, const char *key);

/* Is numeric written as a double, which has 15 digits? */
extern bool cdc_columns_as_double(const CdcPipeline *pipeline);

/* Did the source answer the look that this visit asked for? */
extern bool cdc_source_known(const CdcPipeline *pipeline);

/* Does a worker that answered lack the plugin, at its wanted version?  Its number, or -1. */
extern int	cdc_agents_target(const CdcService *sink);

extern const char *cdc_agents_secret_path(const CdcService *sink);

/* Is a new password due, which has not been made yet? */
extern bool cdc_password_due(const CdcPipeline *pipeline);

/* The name of the password's file; the directory that the workers know, or NULL. */
extern char *cdc_agents_secret_name(const CdcPipeline *pipeline);

/* observe/agents.c: was every agent looked at since then?  Starts the looks. */
extern bool cdc_agents_fresh(const CdcService *sink, int64 since);

/* Has nobody asked for an installation since the agents were looked at? */
extern bool cdc_agents_unchanged(const CdcService *sink);

/* Were the offsets read after the connector was seen to stand still? */
extern bool cdc_offsets_are_last(const CdcPipeline *pipeline);

/*
 * The transaction whose end the stored offset does not have, when it must be
 * known whether the source has committed it; else 0.
 */
extern int64 cdc_failover_open_txid(const CdcPipeline *pipeline);

/* Is a comment (may be NULL) about this pipeline? */
extern bool cdc_has_mark(const char *comment, const char *id);

/*
 * Has its slot, which streams, not moved for so long that something stands in the
 * way?  Asked of what runs; a stream that is not there is another question.
 */
extern bool cdc_stands_still(const CdcPipeline *pipeline);

/*
 * It stands still, and what waits is a change that was read in no time: nothing is
 * the matter with the source.  May a task that is started anew help, which it was not in
 * the last ten minutes?
 */
extern bool cdc_new_task_may_help(const CdcPipeline *pipeline);

/* Did Connect answer the look that this visit asked for? */
extern bool cdc_connect_known(const CdcPipeline *pipeline);

/*
 * The pipeline's own connector by that look; NULL: it is not there, not known, or
 * on a Connect where nothing is done.
 */
extern const CdcKcConnector *cdc_connector_now(const CdcPipeline *pipeline);

/* Was it accepted just now, and may have no status yet, without which it is not listed? */
extern bool cdc_connector_is_coming(const CdcPipeline *pipeline);

/* Has it, or its task, failed?  NULL: no. */
extern bool cdc_connector_failed(const CdcKcConnector *connector);

/* Is it stopped, and has no task any more that could store an offset?  NULL: no. */
extern bool cdc_connector_is_idle(const CdcKcConnector *connector);

/* So many restarts of what has failed; the next failure is final for now. */
#define CDC_RESTARTS 4

/* Do the offsets say that a snapshot has finished?  As read now, or not known. */
extern bool cdc_offsets_say_completed(const CdcPipeline *pipeline);

/*
 * Were these offsets stored by a run before the one whose oldest session began
 * then (epoch us)?  Both are times of the source's clock: Debezium stamps what
 * it reads in a snapshot with that transaction's CURRENT_TIMESTAMP, and changes
 * with their commit.  The walsender's own beginning will not do: on a slot that
 * is there it connects only when the snapshot is over (measured with 3.7).
 */
extern bool cdc_offsets_stored_before(const CdcPipeline *pipeline, int64 began_us);

/* Does the connector's role hold the slot by another walsender than the one of its snapshot's run? */
extern bool cdc_another_walsender(const CdcPipeline *pipeline);

/* Has the agent's last job, for the plugin that is wanted now, failed? */
extern bool cdc_agents_job_failed(const CdcAgentState *state);

/* Is it Running, or paused: is all of it there, to be kept right? */
extern bool cdc_is_up(const CdcPipeline *pipeline);

#endif							/* CDC_FACTS_H */
