/*
 * kept.h
 *	  What a pipeline remembers over a restart is changed by these functions alone:
 *	  each marks it for the turn, in which the store writes it.
 *
 * The history that was streamed, and a failover that is carried out, are
 * streamed.h's.  No errors but those of memory.
 */
#ifndef CDC_KEPT_H
#define CDC_KEPT_H

#include "worker/world/world.h"

/* Something of it was changed, or is to be written for an intent: the row is written with the next turn. */
extern void cdc_keep(CdcPipeline *pipeline);

/* Its status and step; its sentence for users (copied, NULL: none). */
extern void cdc_keep_status(CdcPipeline *pipeline, CdcStatus status, CdcStep step);
extern void cdc_keep_message(CdcPipeline *pipeline, const char *message);

/* What was seen of ours by its name: each may only become true. */
extern void cdc_keep_names(CdcPipeline *pipeline, bool connector, bool publication, bool slot);

/* It runs: until its snapshot is stored that is of the walsender of this time (epoch us; 0: stored, or there is none). */
extern void cdc_keep_running(CdcPipeline *pipeline, int64 snapshot_run);
extern void cdc_keep_snapshot_stored(CdcPipeline *pipeline);

/* So many snapshots in a row are interrupted before it is given up. */
#define CDC_SNAPSHOT_ROUNDS 5

/*
 * What is there is being thrown away, for a new snapshot; and is.  One that had not
 * come to its end was interrupted; one more round: another one is tried at once.
 */
extern void cdc_keep_discarding(CdcPipeline *pipeline);
extern void cdc_keep_one_more_round(CdcPipeline *pipeline);

extern void cdc_keep_discarded(CdcPipeline *pipeline);

/* Its slot was seen absent before ours is made; whether offsets can be stored under its connector's name. */
extern void cdc_keep_slot_absent(CdcPipeline *pipeline);
extern void cdc_keep_offsets_clean(CdcPipeline *pipeline, bool clean);

/* Being deleted, all of it was seen absent: users see it no more. */
extern void cdc_keep_absent(CdcPipeline *pipeline);

/* A gap that is being repaired, JSON text (copied). */
extern void cdc_keep_gap(CdcPipeline *pipeline, const char *gap);

/* Somebody else was seen on its slot. */
extern void cdc_keep_usurped(CdcPipeline *pipeline);

/* The pause that is asked for was ended by its limit; the restart that is asked for is begun. */
extern void cdc_keep_pause_ended(CdcPipeline *pipeline);
extern void cdc_keep_restarted(CdcPipeline *pipeline);

/* All that has our names has our mark: it is adopted, so often as was asked. */
extern void cdc_keep_adopted(CdcPipeline *pipeline);

/* These tables (JSON {oid: relreplident}) are about to be given another replica identity; NULL: it was set back. */
extern void cdc_keep_identities(CdcPipeline *pipeline, const char *tables);

/* Tables that were seen unlogged, and what was seen to hold the rows (JSON as a look has it); changed: it is to be written. */
extern void cdc_keep_unlogged(CdcPipeline *pipeline, const char *oids);
extern void cdc_keep_relations(CdcPipeline *pipeline, const char *relations, bool changed);

/* A change of something of its own is about to be sent. */
extern void cdc_keep_mutated(CdcPipeline *pipeline);

/* The present FAILED is counted as a failure, now; or it is over, and the next is another; those of before a time are forgotten. */
extern void cdc_keep_failure(CdcPipeline *pipeline);
extern void cdc_keep_failure_over(CdcPipeline *pipeline);
extern void cdc_keep_failures_since(CdcPipeline *pipeline, TimestampTz since);

/* A password for its role: copied; sealed and its keys, of the pipeline's context, are taken over. */
extern void cdc_keep_password(CdcPipeline *pipeline, const char *password, const char *verifier, bytea *const sealed[2], char *const sealed_key[2]);

/* The role was given that password. */
extern void cdc_keep_role_password(CdcPipeline *pipeline);

/* States of its connector as last seen: words, and JSON text (both copied). */
extern void cdc_keep_states(CdcPipeline *pipeline, const char *connector, const char *tasks);

/* How far it is behind, and what is confirmed: written when a round has looked at it (checked.h). */
extern void cdc_keep_lag(CdcPipeline *pipeline, int64 bytes);
extern void cdc_keep_flushed(CdcPipeline *pipeline, uint64 lsn);

/*
 * As its rows have it, when it is made; nothing is marked.  What the records point to
 * is of the pipeline's context and taken over, but for the verifier, which is copied.
 */
extern void cdc_kept_fill(CdcPipeline *pipeline, const CdcPipelineKept *kept, const CdcPipelineSecret *secret);
extern void cdc_kept_fill_observed(CdcPipeline *pipeline, const char *connector, const char *tasks, uint64 flushed, int64 lag);

#endif							/* CDC_KEPT_H */
