/*
 * connect.c
 *	  What is remembered of a look at Kafka Connect: failures, since when the
 *	  connector stands still, whether its snapshot is stored.
 *
 * See learn.h.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "utils/timestamp.h"

#include "worker/learn/learn_parts.h"
#include "worker/world/facts.h"
#include "worker/world/kept.h"
#include "worker/world/pause.h"
#include "worker/world/wanted.h"

/* Restarts of what FAILED, after the first, second ... failure (ms). */
static const int restart_delays[CDC_RESTARTS] = {0, 5000, 15000, 45000};

/* A snapshot that was given up is tried again after this. */
#define GIVEN_UP_US (INT64CONST(600) * 1000000)

#define FAILURE_WINDOW_US (INT64CONST(600) * 1000000)

static void
drop_old_failures(CdcPipeline *p)
{
	cdc_keep_failures_since(p, GetCurrentTimestamp() - FAILURE_WINDOW_US);
}

static void
count_failure(CdcPipeline *p, const CdcKcConnector *c)
{
	struct json_object *detail = json_object_new_object();

	drop_old_failures(p);
	cdc_keep_failure(p);
	json_object_object_add(detail, "failure", json_object_new_int(p->kept.nfailures));
	if (!cdc_kc_incurable(c->trace) && p->kept.nfailures <= CDC_RESTARTS)
	{
		int			delay = restart_delays[p->kept.nfailures - 1];

		delay += delay ? random() % (delay / 4) : 0;
		p->learned.restart_at = cdc_loop_now() + delay;
		json_object_object_add(detail, "restart_in_ms", json_object_new_int(delay));
	}
	cdc_world_event(p, "outcome", NULL, NULL, NULL, cdc_step_name(p->kept.step),
					psprintf("connector task failed: %s", p->learned.failure), detail);
}

static void
learn_failure(CdcPipeline *p, const CdcKcConnector *c)
{
	const char *password = cdc_wanted_password(p);

	if (!cdc_connector_failed(c))
	{
		cdc_keep_failure_over(p);
		drop_old_failures(p);
		return;
	}
	cdc_set_string(p->context, &p->learned.failure, cdc_kc_failure(c->trace, &password, password ? 1 : 0));
	/* before: perhaps still the state of before the restart, or of another configuration */
	if (!p->learned.failure_seen && cdc_loop_now() >= p->doing.shows_at)
		count_failure(p, c);
}

/* What Kafka refused it refuses again, until something is confirmed: the task starts all the same. */
static void
learn_refused(CdcPipeline *p, const CdcKcConnector *c)
{
	CdcPipelineLearned *l = &p->learned;
	const CdcSourcePipeline *seen = p->look.seen;

	if (cdc_connector_failed(c) && cdc_kc_refused(c->trace) && !cdc_initial_only(p))
	{
		l->refused = true;
		l->refused_run = 0;
	}
	else if (l->refused && cdc_source_known(p) && seen->slot_streaming && l->refused_run != seen->slot_since_us)
	{
		l->refused_run = seen->slot_since_us;
		l->refused_lsn = seen->confirmed_flush_lsn;
	}
	else if (l->refused && cdc_source_known(p) && seen->slot_streaming && seen->confirmed_flush_lsn > l->refused_lsn)
		l->refused = false;
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
learn_snapshot_stored(CdcPipeline *p)
{
	bool		stored;

	if (p->kept.snapshot_run == 0 || !p->kept.was_running)
		return;
	if (cdc_another_walsender(p))
	{
		if (p->learned.another_seen == 0)
			p->learned.another_seen = cdc_loop_now();
		stored = p->look.seen->sessions_since_us != 0 && cdc_offsets_stored_before(p, p->look.seen->sessions_since_us);
	}
	else
	{
		if (p->learned.stored_seen == 0 && cdc_offsets_say_completed(p))
			p->learned.stored_seen = cdc_loop_now();
		stored = p->learned.stored_seen != 0 && cdc_source_known(p) && p->look.look_at > p->learned.stored_seen &&
			p->look.seen->slot_active && p->look.seen->slot_since_us == p->kept.snapshot_run;
	}
	if (stored)
	{
		p->learned.store_tried = false;
		cdc_keep_snapshot_stored(p);
	}
}

/*
 * Is the connector's configuration what is wanted?  To build that and compare it is the dearest part
 * of a visit: what was found so stays so while neither has changed.
 */
static void
learn_config(CdcPipeline *p, const CdcKcConnector *c)
{
	uint64		digest = c && c->config ? cdc_wanted_digest(p) : 0;
	struct json_object *wanted;

	if (digest == 0)
		return;
	if (p->learned.config_serial == c->serial && p->learned.config_digest == digest)
	{
		p->learned.config_as_wanted = true;
		return;
	}
	wanted = cdc_wanted_config(p, NULL);
	p->learned.config_as_wanted = wanted && cdc_kc_config_equal(wanted, c->config, NULL);
	json_object_put(wanted);
	p->learned.config_serial = p->learned.config_as_wanted ? c->serial : 0;
	p->learned.config_digest = digest;
}

/* What was given up is tried again now and then, and when somebody asks. */
static void
learn_snapshot_due(CdcPipeline *p)
{
	if (p->kept.discarding && p->kept.status == CDC_FAILED && p->kept.snapshot_rounds >= CDC_SNAPSHOT_ROUNDS &&
		(p->plan.asked || cdc_restart_wanted(p) || GetCurrentTimestamp() - p->kept.snapshot_round_at >= GIVEN_UP_US))
		cdc_keep_one_more_round(p);
}

void
cdc_learn_connect(CdcPipeline *p)
{
	const CdcKcConnector *c = cdc_connector_now(p);
	bool		listed;

	learn_snapshot_due(p);
	p->learned.config_as_wanted = false;
	if (!cdc_connect_known(p) || (p->sink->kafka.connect_foreign && !p->wanted.want_deleted))
		return;
	listed = cdc_kc_find(p->sink->kafka.list, p->connector_name) != NULL;
	if (!listed && cdc_connector_is_coming(p))
		return;
	learn_snapshot_stored(p);
	if (listed && c == NULL)
		return;					/* somebody else's */
	/* by whomever: what was not stored by that is not by another */
	if (c && c->state == CDC_CS_STOPPED && p->kept.was_running && p->kept.snapshot_run != 0)
		p->learned.store_tried = true;
	if (!cdc_connector_is_idle(c))
		p->learned.idle_since = 0;
	else if (p->learned.idle_since == 0)
		p->learned.idle_since = cdc_connect_seen_by(p);
	learn_failure(p, c);
	learn_config(p, c);
	learn_refused(p, c);
	if (c)
		cdc_keep_states(p, c->state_name, c->task_states);
}
