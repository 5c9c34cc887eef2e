/*
 * kept.c
 *	  See kept.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "common/json.h"
#include "worker/world/kept.h"
#include "worker/world/wanted.h"

void
cdc_keep(CdcPipeline *p)
{
	cdc_dirty_pipeline(p, CDC_ROW_SPEC);
}

void
cdc_keep_status(CdcPipeline *p, CdcStatus status, CdcStep step)
{
	if (p->kept.status == status && p->kept.step == step)
		return;
	p->kept.status = status;
	p->kept.step = step;
	cdc_keep(p);
}

void
cdc_keep_message(CdcPipeline *p, const char *message)
{
	if (cdc_same(message, p->kept.error_message))
		return;
	if (message == NULL)
		p->kept.told_since = 0;
	else if (p->kept.error_message == NULL)
		p->kept.told_since = GetCurrentTimestamp();
	cdc_set_string(p->context, &p->kept.error_message, message);
	cdc_keep(p);
}

void
cdc_keep_names(CdcPipeline *p, bool connector, bool publication, bool slot)
{
	if ((connector && !p->kept.has_connector_name) || (publication && !p->kept.has_publication_name) ||
		(slot && !p->kept.has_slot_name))
		cdc_keep(p);
	p->kept.has_connector_name = p->kept.has_connector_name || connector;
	p->kept.has_publication_name = p->kept.has_publication_name || publication;
	p->kept.has_slot_name = p->kept.has_slot_name || slot;
}

void
cdc_keep_running(CdcPipeline *p, int64 snapshot_run)
{
	p->kept.was_running = true;
	p->kept.snapshot_rounds = 0;
	p->kept.snapshot_run = snapshot_run;
	cdc_keep(p);
}

void
cdc_keep_snapshot_stored(CdcPipeline *p)
{
	p->kept.snapshot_run = 0;
	cdc_keep(p);
}

void
cdc_keep_discarding(CdcPipeline *p)
{
	if (!p->kept.discarding)
	{
		p->kept.snapshot_rounds = p->kept.was_running ? 0 : p->kept.snapshot_rounds + 1;
		p->kept.snapshot_round_at = GetCurrentTimestamp();
	}
	p->kept.discarding = true;
	cdc_keep(p);
}

void
cdc_keep_one_more_round(CdcPipeline *p)
{
	p->kept.snapshot_rounds = CDC_SNAPSHOT_ROUNDS - 1;
	p->kept.snapshot_round_at = 0;
	cdc_keep(p);
}

void
cdc_keep_discarded(CdcPipeline *p)
{
	p->kept.discarding = false;
	p->kept.was_running = false;
	p->kept.snapshot_run = 0;
	cdc_set_string(p->context, &p->kept.gap, NULL);
	cdc_set_string(p->context, &p->kept.unlogged, NULL);
	cdc_keep(p);
}

void
cdc_keep_slot_absent(CdcPipeline *p)
{
	p->kept.slot_absent_before = true;
	cdc_keep(p);
}

void
cdc_keep_offsets_clean(CdcPipeline *p, bool clean)
{
	p->kept.offsets_clean = clean;
	cdc_keep(p);
}

void
cdc_keep_absent(CdcPipeline *p)
{
	p->kept.absent = true;
	cdc_keep(p);
}

void
cdc_keep_gap(CdcPipeline *p, const char *gap)
{
	cdc_set_string(p->context, &p->kept.gap, gap);
	cdc_keep(p);
}

void
cdc_keep_usurped(CdcPipeline *p)
{
	p->kept.usurped = true;
	cdc_keep(p);
}

void
cdc_keep_identities(CdcPipeline *p, const char *tables)
{
	struct json_object *all = tables && p->kept.identities ? cdc_json_parse(p->kept.identities) : NULL;
	struct json_object *more = tables ? cdc_json_parse(tables) : NULL;

	if (all && more)
	{
		json_object_object_foreach(more, oid, was)
			json_object_object_add(all, oid, json_object_get(was));
	}
	cdc_set_string(p->context, &p->kept.identities, all && more ? json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN) : tables);
	json_object_put(all);
	json_object_put(more);
	cdc_keep(p);
}

void
cdc_keep_unlogged(CdcPipeline *p, const char *oids)
{
	if (cdc_same(oids, p->kept.unlogged))
		return;
	cdc_set_string(p->context, &p->kept.unlogged, oids);
	cdc_keep(p);
}

void
cdc_keep_relations(CdcPipeline *p, const char *relations, bool changed)
{
	cdc_set_string(p->context, &p->kept.relations, relations);
	if (changed)
		cdc_keep(p);
}

void
cdc_keep_mutated(CdcPipeline *p)
{
	p->kept.mutated_at = GetCurrentTimestamp();
	cdc_keep(p);
}

void
cdc_keep_failure(CdcPipeline *p)
{
	p->learned.failure_seen = true;
	if (p->kept.nfailures < (int) lengthof(p->kept.failures))
		p->kept.failures[p->kept.nfailures++] = GetCurrentTimestamp();
	cdc_keep(p);
}

void
cdc_keep_failure_over(CdcPipeline *p)
{
	p->learned.failure_seen = false;
}

void
cdc_keep_failures_since(CdcPipeline *p, TimestampTz since)
{
	int			keep = 0;
	int			i;

	for (i = 0; i < p->kept.nfailures; i++)
	{
		if (p->kept.failures[i] > since)
			p->kept.failures[keep++] = p->kept.failures[i];
	}
	if (keep != p->kept.nfailures)
		cdc_keep(p);
	p->kept.nfailures = keep;
}

void
cdc_keep_pause_ended(CdcPipeline *p)
{
	p->kept.pause_ended = p->wanted.paused_at;
	cdc_keep(p);
}

void
cdc_keep_restarted(CdcPipeline *p)
{
	p->kept.restarted = p->wanted.restart_asked;
	cdc_keep(p);
}

void
cdc_keep_adopted(CdcPipeline *p)
{
	p->kept.adopted = p->wanted.adopt_asked;
	cdc_keep(p);
}

void
cdc_keep_password(CdcPipeline *p, const char *password, const char *verifier, bytea *const sealed[2], char *const sealed_key[2])
{
	int			i;

	if (p->secret.password)
		explicit_bzero(p->secret.password, strlen(p->secret.password));
	cdc_set_string(p->context, &p->secret.password, password);
	cdc_wanted_set_verifier(p, verifier);
	for (i = 0; i < 2; i++)
	{
		p->secret.sealed[i] = sealed[i];
		p->secret.sealed_key[i] = sealed_key[i];
	}
	p->secret.generation = Max(p->wanted.wanted_generation, 1);
	cdc_dirty_pipeline(p, CDC_ROW_SECRET);
}

void
cdc_keep_role_password(CdcPipeline *p)
{
	p->secret.role_generation = p->secret.generation;
	cdc_keep(p);
}

void
cdc_keep_states(CdcPipeline *p, const char *connector, const char *tasks)
{
	if (cdc_same(p->learned.connector_state, connector) && cdc_same(p->learned.task_states, tasks))
		return;
	cdc_set_string(p->context, &p->learned.connector_state, connector);
	cdc_set_string(p->context, &p->learned.task_states, tasks);
	cdc_dirty_pipeline(p, CDC_ROW_OBSERVED);
}

void
cdc_keep_lag(CdcPipeline *p, int64 bytes)
{
	p->learned.lag = bytes;
}

void
cdc_keep_flushed(CdcPipeline *p, uint64 lsn)
{
	p->learned.flushed = lsn;
}

void
cdc_kept_fill(CdcPipeline *p, const CdcPipelineKept *kept, const CdcPipelineSecret *secret)
{
	p->kept = *kept;
	p->secret = *secret;
	p->secret.verifier = NULL;
	cdc_wanted_set_verifier(p, secret->verifier);
	p->learned.came_at = cdc_loop_now();
}

void
cdc_kept_fill_observed(CdcPipeline *p, const char *connector, const char *tasks, uint64 flushed, int64 lag)
{
	cdc_set_string(p->context, &p->learned.connector_state, connector);
	cdc_set_string(p->context, &p->learned.task_states, tasks);
	p->learned.flushed = p->kept.reached = flushed;
	p->learned.lag = lag;
}
