/*
 * connect.c
 *	  Kafka Connect's side of a snapshot: connector, task, failures, offsets,
 *	  other writers on the same topics.
 *
 * See assess.h.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "utils/timestamp.h"

#include "worker/assess/assess_parts.h"
#include "worker/world/facts.h"
#include "worker/world/wanted.h"

/* Restarts of what FAILED, after the first, second ... failure (ms). */
static const int restart_delays[] = {0, 5000, 15000, 45000};

#define FAILURE_WINDOW_US (INT64CONST(600) * 1000000)
#define FAILED_RETRY_MS 60000

/* A connector that was PUT is listed once it has a status: within this. */
#define PUT_SHOWS_MS 5000

static bool
connect_known(const CdcPipeline *p)
{
	return p->sink && p->sink->is_kafka && p->sink->connect_reachable == CDC_YES &&
		p->sink->list && p->sink->listed_at >= p->connect_since;
}

static void
drop_old_failures(CdcPipeline *p)
{
	TimestampTz now = GetCurrentTimestamp();
	int			keep = 0;
	int			i;

	for (i = 0; i < p->nfailures; i++)
	{
		if (now - p->failures[i] < FAILURE_WINDOW_US)
			p->failures[keep++] = p->failures[i];
	}
	if (keep != p->nfailures)
		p->spec_dirty = true;
	p->nfailures = keep;
}

/* Restarts at 0, 5, 15, 45 s with jitter; the fifth failure in 10 minutes is final for now. */
static void
assess_failure(CdcPipeline *p, CdcSnapshot *s, const CdcKcConnector *c)
{
	int64		now = cdc_loop_now();
	const char *password = cdc_wanted_password(p);
	bool		incurable;
	char	   *failure;

	if (c == NULL || (c->state != CDC_CS_FAILED && c->task_state != CDC_CS_FAILED))
	{
		p->failure_seen = false;
		drop_old_failures(p);
		return;
	}
	failure = cdc_kc_failure(c->trace, &password, password ? 1 : 0);
	cdc_set_string(p->context, &p->failure, failure);
	cdc_set_detail(p, CDC_DETAIL_FAILURE, p->failure);
	incurable = cdc_kc_incurable(c->trace);
	if (!p->failure_seen && now < p->shows_at)
	{
		/* perhaps still the state of before the restart, or of another configuration: not a new failure yet */
		s->restart = CDC_RESTART_WAIT;
		return;
	}
	if (!p->failure_seen)
	{
		struct json_object *detail = json_object_new_object();

		p->failure_seen = true;
		drop_old_failures(p);
		if (p->nfailures < (int) lengthof(p->failures))
			p->failures[p->nfailures++] = GetCurrentTimestamp();
		p->spec_dirty = true;
		json_object_object_add(detail, "failure", json_object_new_int(p->nfailures));
		if (!incurable && p->nfailures <= (int) lengthof(restart_delays))
		{
			int			delay = restart_delays[p->nfailures - 1];

			delay += delay ? random() % (delay / 4) : 0;
			p->restart_at = now + delay;
			json_object_object_add(detail, "restart_in_ms", json_object_new_int(delay));
		}
		cdc_world_event(p, "outcome", NULL, NULL, NULL, cdc_step_name(p->step),
						psprintf("connector task failed: %s", p->failure), detail);
	}
	if (incurable || p->nfailures > (int) lengthof(restart_delays))
	{
		bool		again = p->status == CDC_FAILED &&
			(now - p->restarted_at >= FAILED_RETRY_MS || p->asked);

		s->restart = again ? CDC_RESTART_DUE : CDC_RESTART_EXHAUSTED;
	}
	else
		s->restart = now >= p->restart_at ? CDC_RESTART_DUE : CDC_RESTART_WAIT;
}

/* Do the offsets say that a snapshot has finished?  As read now, or not known. */
static bool
says_completed(const CdcPipeline *p)
{
	return p->offsets_known == CDC_YES && p->offsets_at >= p->connect_since && p->offsets.snapshot_completed;
}

/*
 * Were these offsets stored by a run before the one whose oldest session began
 * then (epoch us)?  Both are times of the source's clock: Debezium stamps what
 * it reads in a snapshot with that transaction's CURRENT_TIMESTAMP, and changes
 * with their commit.  The walsender's own beginning will not do: on a slot that
 * is there it connects only when the snapshot is over (measured with 3.7).
 */
static bool
stored_before(const CdcPipeline *p, int64 began_us)
{
	return says_completed(p) && p->offsets.ts_us != 0 && p->offsets.ts_us < began_us;
}

/*
 * The snapshot of a run that is no longer: every session of the connector is
 * younger than its slot, so none of them made it; or what made it has failed
 * before finishing.  Judged only until the snapshot has finished once.  That a
 * snapshot has finished counts only when it is not of a later run, which would
 * have taken it on the slot that was there.
 */
static CdcTri
assess_interrupted(CdcPipeline *p, const CdcKcConnector *c)
{
	const CdcSourcePipeline *seen = p->seen;
	bool		another_run;

	if (p->was_running || !cdc_source_known(p) || !seen->slot_exists || !p->slot_absent_before)
		return CDC_NO;
	another_run = seen->slot_made_us && seen->sessions_since_us &&
		seen->sessions_since_us > seen->slot_made_us;
	if (says_completed(p) &&
		(!another_run || cdc_initial_only(p) || stored_before(p, seen->sessions_since_us)))
		return CDC_NO;
	if (another_run)
		return CDC_YES;
	if (c && (c->state == CDC_CS_FAILED || c->task_state == CDC_CS_FAILED) &&
		p->offsets_known != CDC_UNKNOWN && p->offsets_at >= p->connect_since)
		return CDC_YES;
	return CDC_NO;
}

/* Does the connector's role hold the slot by another walsender than the one of its snapshot's run? */
static bool
another_walsender(const CdcPipeline *p)
{
	return cdc_source_known(p) && p->seen->slot_active && cdc_same(p->seen->slot_user, "role") &&
		p->seen->slot_since_us != 0 && p->seen->slot_since_us != p->snapshot_run;
}

/*
 * That a snapshot has finished is stored by Connect with its next flush of
 * offsets only (every 60 s unless told otherwise), or when the task is stopped
 * in order.  A task that is started before that takes another one, on the slot
 * that is there: what was changed and deleted in between never comes, and rows
 * in flight are missing.  So it is watched until offsets that say so are
 * followed by a look at the source which still sees the walsender of that run,
 * or until they are found to be older than the next run.
 */
static void
assess_snapshot_stored(CdcPipeline *p)
{
	bool		stored;

	if (p->snapshot_run == 0 || !p->was_running)
		return;
	if (another_walsender(p))
	{
		if (p->another_seen == 0)
			p->another_seen = cdc_loop_now();
		stored = p->seen->sessions_since_us != 0 && stored_before(p, p->seen->sessions_since_us);
	}
	else
	{
		if (p->stored_seen == 0 && says_completed(p))
			p->stored_seen = cdc_loop_now();
		stored = p->stored_seen != 0 && cdc_source_known(p) && p->look_at > p->stored_seen &&
			p->seen->slot_active && p->seen->slot_since_us == p->snapshot_run;
	}
	if (stored)
	{
		p->snapshot_run = 0;
		p->spec_dirty = true;
	}
}

bool
cdc_snapshot_run_over(const CdcPipeline *p)
{
	return p->snapshot_run != 0 && another_walsender(p) &&
		p->another_seen != 0 && p->offsets_known != CDC_UNKNOWN && p->offsets_at >= p->another_seen;
}

static void
assess_older_writer(CdcPipeline *p, CdcSnapshot *s)
{
	ListCell   *cell;

	s->older_writer = CDC_WRITER_NONE;
	foreach(cell, p->world->pipelines)
	{
		CdcPipeline *other = lfirst(cell);
		const CdcKcConnector *c;

		if (other == p || other->sink != p->sink || !other->want_deleted ||
			strcmp(other->topic_prefix, p->topic_prefix) != 0)
			continue;
		c = cdc_connector_of(other);
		if (other->op && other->op->action == CDC_ACT_PUT_CONNECTOR)
			s->older_writer = CDC_WRITER_PRESENT;
		if (c && (c->state != CDC_CS_STOPPED || c->ntasks > 0))
			s->older_writer = CDC_WRITER_PRESENT;
		if (s->older_writer == CDC_WRITER_PRESENT)
		{
			cdc_set_detail(p, CDC_DETAIL_OLDER_WRITER, other->connector_name);
			return;
		}
	}
}

/*
 * A task stores its last offsets when it ends.  What is to be seen gone must be
 * read after the task was seen gone: list and offsets are asked for at once.
 */
static void
assess_idle(CdcPipeline *p, CdcSnapshot *s)
{
	if (s->connector_state != CDC_CS_STOPPED || s->task_state != CDC_CS_NONE)
		p->idle_since = 0;
	else if (p->idle_since == 0)
		p->idle_since = cdc_loop_now();
	if ((p->want_deleted || p->discarding) && p->offsets_at < p->idle_since)
		s->offsets = CDC_OFFSETS_UNKNOWN;
}

void
cdc_assess_connect(CdcPipeline *p, CdcSnapshot *s)
{
	CdcService *sink = p->sink;
	const CdcKcConnector *c;
	struct json_object *wanted;
	char	   *which = NULL;

	if (sink == NULL || !sink->is_kafka)
		return;
	s->plugin_present = sink->plugin_present;
	cdc_set_detail(p, CDC_DETAIL_PLUGIN_WORKERS, sink->plugin_missing);
	s->connect_reachable = sink->connect_reachable;
	if (!connect_known(p))
	{
		if (s->connect_reachable == CDC_YES)
			s->connect_reachable = CDC_UNKNOWN;
		cdc_set_detail(p, CDC_DETAIL_CONNECT_ERROR, sink->connect_error);
		return;
	}
	/* nothing is done on a Connect that is another organization's; what is ours there may go */
	if (sink->connect_foreign && !p->want_deleted)
	{
		s->connect_reachable = CDC_NO;
		cdc_set_detail(p, CDC_DETAIL_CONNECT_ERROR,
					   psprintf("another organization uses the one at %s: name one of your own, or have a superuser SELECT cdc.share_connect('%s', '%s')",
								sink->connect_urls[sink->url], sink->connect_urls[sink->url], sink->organization_id));
		return;
	}
	c = cdc_kc_find(sink->list, p->connector_name);
	if (c == NULL && p->put_at && cdc_loop_now() - p->put_at < PUT_SHOWS_MS)
	{
		/* accepted, but a connector without a status yet is not listed */
		s->connector = CDC_OBJ_UNKNOWN;
		return;
	}
	assess_older_writer(p, s);
	s->snapshot_interrupted = assess_interrupted(p, c);
	assess_snapshot_stored(p);
	if (p->offsets_at >= p->connect_since && p->offsets_known != CDC_UNKNOWN)
		s->offsets = p->offsets_known == CDC_YES ? p->offsets.state : CDC_OFFSETS_UNKNOWN;
	if (c == NULL)
	{
		/* offsets of an absent connector cannot be seen, only remembered */
		s->offsets = p->offsets_clean ? CDC_OFFSETS_NONE : CDC_OFFSETS_UNKNOWN;
		s->connector = CDC_OBJ_ABSENT;
		s->connector_state = s->task_state = CDC_CS_NONE;
		p->idle_since = 0;
		assess_failure(p, s, NULL);
		return;
	}
	if (c->mark == NULL || strcmp(c->mark, p->id) != 0)
	{
		s->connector = CDC_OBJ_FOREIGN;
		cdc_set_detail(p, CDC_DETAIL_CONNECTOR,
				   psprintf("a connector named \"%s\" exists that this pipeline did not make", c->name));
		return;
	}
	cdc_note_epoch(p, (uint64) c->epoch);
	if (!p->has_connector_name)
	{
		p->has_connector_name = true;
		p->spec_dirty = true;
	}
	wanted = cdc_wanted_config(p, NULL);
	if (wanted && c->config)
	{
		s->connector = cdc_kc_config_equal(wanted, c->config, &which) ? CDC_OBJ_OK : CDC_OBJ_WRONG;
		p->captures_other = cdc_kc_captures_other(wanted, c->config);
		if (which)
			cdc_set_detail(p, CDC_DETAIL_CONNECTOR, psprintf("it differs in %s", which));
	}
	else
		s->connector = c->config ? CDC_OBJ_OK : CDC_OBJ_UNKNOWN;
	if (wanted)
		json_object_put(wanted);
	s->connector_state = c->state;
	s->task_state = c->task_state;
	assess_idle(p, s);
	assess_failure(p, s, c);
	if (!cdc_same(p->connector_state, c->state_name) || !cdc_same(p->task_states, c->task_states))
	{
		cdc_set_string(p->context, &p->connector_state, c->state_name);
		cdc_set_string(p->context, &p->task_states, c->task_states);
		p->observed_dirty = true;
	}
}
