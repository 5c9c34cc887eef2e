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

#include "common/text.h"
#include "worker/assess/assess_parts.h"
#include "worker/world/facts.h"
#include "worker/world/fence.h"
#include "worker/world/index.h"
#include "worker/world/wanted.h"

#define FAILED_RETRY_MS 60000

/* A Connect that flushes offsets as often as is recommended has stored them by then. */
#define STORE_PATIENCE_MS 6000

/* With what it failed at, where Kafka refused that; NULL: not known. */
static const char *
failure_words(const CdcPipeline *p)
{
	char	   *waiting = p->learned.refused ? cdc_waiting_words(p) : NULL;

	return waiting && p->learned.failure ? psprintf("%s; %s", p->learned.failure, waiting) : p->learned.failure;
}

/* Restarts at 0, 5, 15, 45 s with jitter; the fifth failure in 10 minutes is final for now. */
static void
assess_failure(const CdcPipeline *p, CdcAssessment *a, const CdcKcConnector *c)
{
	CdcSnapshot *s = &a->snapshot;
	int64		now = cdc_loop_now();

	s->refused = p->learned.refused ? CDC_YES : CDC_NO;
	if (!cdc_connector_failed(c) && !p->learned.refused)
		return;
	cdc_set_detail(a, CDC_DETAIL_FAILURE, failure_words(p));
	if (!cdc_connector_failed(c))
		return;
	/* perhaps still the state of before the restart, or of another configuration: not a new failure yet */
	if (!p->learned.failure_seen && now < p->doing.shows_at)
		s->restart = CDC_RESTART_WAIT;
	else if (cdc_kc_incurable(c->trace) || p->kept.nfailures > CDC_RESTARTS)
	{
		bool		again = p->kept.status == CDC_FAILED &&
			(now - p->doing.restarted_at >= FAILED_RETRY_MS || p->plan.asked);

		s->restart = again ? CDC_RESTART_DUE : CDC_RESTART_EXHAUSTED;
	}
	else
		s->restart = now >= p->learned.restart_at ? CDC_RESTART_DUE : CDC_RESTART_WAIT;
}

/*
 * The snapshot of a run that is no longer: every session of the connector is
 * younger than its slot, so none of them made it; or what made it has failed
 * before finishing.  Judged only until the snapshot has finished once.  That a
 * snapshot has finished counts only when it is not of a later run, which would
 * have taken it on the slot that was there.
 */
static CdcTri
assess_interrupted(const CdcPipeline *p, const CdcKcConnector *c)
{
	const CdcSourcePipeline *seen = p->look.seen;
	bool		another_run;

	if (p->kept.was_running || !cdc_source_known(p) || !seen->slot_exists || !p->kept.slot_absent_before)
		return CDC_NO;
	another_run = seen->slot_made_us && seen->sessions_since_us &&
		seen->sessions_since_us > seen->slot_made_us;
	if (cdc_offsets_say_completed(p) &&
		(!another_run || cdc_initial_only(p) || cdc_offsets_stored_before(p, seen->sessions_since_us)))
		return CDC_NO;
	if (another_run)
		return CDC_YES;
	if (c && (c->state == CDC_CS_FAILED || c->task_state == CDC_CS_FAILED) &&
		p->look.offsets_known != CDC_UNKNOWN && p->look.offsets_at >= p->plan.connect_since)
		return CDC_YES;
	return CDC_NO;
}

bool
cdc_snapshot_run_over(const CdcPipeline *p)
{
	return p->kept.snapshot_run != 0 && cdc_another_walsender(p) &&
		p->learned.another_seen != 0 && p->look.offsets_known != CDC_UNKNOWN && p->look.offsets_at >= p->learned.another_seen;
}

/*
 * A long snapshot of which Connect has not stored the end, nor would soon by itself:
 * one orderly stop does.  Once: a stop in which the task ran out of its grace stores nothing.
 */
static bool
is_unstored(const CdcPipeline *p)
{
	return p->kept.was_running && p->kept.snapshot_run != 0 && p->learned.snapshot_long && !p->learned.store_tried &&
		p->look.offsets_known == CDC_YES && p->look.offsets_at >= p->plan.connect_since && !p->look.offsets.snapshot_completed &&
		cdc_loop_now() - p->learned.running_at >= STORE_PATIENCE_MS;
}

static void
assess_older_writer(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	CdcPipeline *other;

	s->older_writer = CDC_WRITER_NONE;
	/* what leaves itself starts no task */
	if (p->wanted.want_deleted)
		return;
	cdc_each_leaving(other, p->sink)
	{
		const CdcKcConnector *c;

		if (strcmp(other->wanted.topic_prefix, p->wanted.topic_prefix) != 0)
			continue;
		c = cdc_connector_of(other);
		if (other->doing.op && other->doing.op->action == CDC_ACT_PUT_CONNECTOR)
			s->older_writer = CDC_WRITER_PRESENT;
		if (c && (c->state != CDC_CS_STOPPED || c->ntasks > 0))
			s->older_writer = CDC_WRITER_PRESENT;
		if (s->older_writer == CDC_WRITER_PRESENT)
		{
			cdc_set_detail(a, CDC_DETAIL_OLDER_WRITER, other->connector_name);
			return;
		}
	}
}

static int
prefix_is(const void *prefix, const void *stranger)
{
	return strcmp(prefix, (*(const CdcKcConnector *const *) stranger)->topic_prefix);
}

/*
 * Does a connector that is none of ours have the prefix as well?  Both write to the same
 * topics, and Debezium on one host does not even start the second.
 */
static void
assess_stranger(const CdcPipeline *p, CdcAssessment *a)
{
	const CdcKcConnector **found;
	const CdcKcConnector *c;
	char		name[256];

	a->snapshot.stranger = CDC_NO;
	if (p->sink->kafka.nstrangers == 0)
		return;
	found = bsearch(p->wanted.topic_prefix, p->sink->kafka.strangers, p->sink->kafka.nstrangers, sizeof(*found), prefix_is);
	c = found ? *found : NULL;
	if (c == NULL || (c->state == CDC_CS_STOPPED && c->ntasks == 0))
		return;
	a->snapshot.stranger = CDC_YES;
	cdc_set_detail(a, CDC_DETAIL_STRANGER, psprintf("\"%s\"", cdc_text_line(name, sizeof(name), c->name)));
}

void
cdc_assess_connect(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcService *sink = p->sink;
	const CdcKcConnector *c;
	struct json_object *wanted;
	char	   *which = NULL;
	bool		named;
	CdcMarkIs	mark;
	CdcEpoch	theirs;

	if (sink == NULL || !sink->is_kafka)
		return;
	s->plugin_present = sink->kafka.plugin_present;
	s->snapshot_unstored = is_unstored(p);
	cdc_set_detail(a, CDC_DETAIL_PLUGIN_WORKERS, sink->kafka.plugin_missing);
	s->connect_reachable = sink->kafka.connect_reachable;
	if (!cdc_connect_known(p))
	{
		if (s->connect_reachable == CDC_YES)
			s->connect_reachable = CDC_UNKNOWN;
		cdc_set_detail(a, CDC_DETAIL_CONNECT_ERROR, sink->kafka.connect_error);
		return;
	}
	/* nothing is done on a Connect that is another organization's; what is ours there may go */
	if (sink->kafka.connect_foreign && !p->wanted.want_deleted)
	{
		s->connect_reachable = CDC_NO;
		cdc_set_detail(a, CDC_DETAIL_CONNECT_ERROR,
					   psprintf("another organization uses the one at %s: name one of your own, or have a superuser SELECT cdc.share_connect('%s', '%s')",
								sink->kafka.connect_urls[sink->kafka.url], sink->kafka.connect_urls[sink->kafka.url], sink->organization_id));
		return;
	}
	c = cdc_kc_find(sink->kafka.list, p->connector_name);
	if (c == NULL && cdc_connector_is_coming(p))
	{
		/* accepted, but a connector without a status yet is not listed */
		s->connector = CDC_OBJ_UNKNOWN;
		return;
	}
	assess_older_writer(p, a);
	assess_stranger(p, a);
	s->snapshot_interrupted = assess_interrupted(p, c);
	if (p->look.offsets_at >= p->plan.connect_since && p->look.offsets_known != CDC_UNKNOWN)
		s->offsets = p->look.offsets_known == CDC_YES ? p->look.offsets.state : CDC_OFFSETS_UNKNOWN;
	if (c == NULL)
	{
		/* offsets of an absent connector cannot be seen, only remembered */
		s->offsets = p->kept.offsets_clean ? CDC_OFFSETS_NONE : CDC_OFFSETS_UNKNOWN;
		s->connector = CDC_OBJ_ABSENT;
		s->connector_state = s->task_state = CDC_CS_NONE;
		return;
	}
	named = c->mark != NULL && strcmp(c->mark, p->id) == 0;
	mark = named ? cdc_fence_of_connector(p, c, &theirs) : CDC_MARK_NONE;
	if (cdc_fence_adopting(p) && p->kept.has_connector_name && (!named || mark == CDC_MARK_UNVERIFIABLE))
	{
		s->connector = CDC_OBJ_WRONG;
		cdc_set_detail(a, CDC_DETAIL_CONNECTOR, "it is adopted, and marked anew");
		s->connector_state = c->state;
		s->task_state = c->task_state;
		return;
	}
	if (!named)
	{
		s->connector = CDC_OBJ_FOREIGN;
		cdc_set_detail(a, CDC_DETAIL_CONNECTOR,
					   psprintf("a connector named \"%s\" exists that this pipeline did not make", c->name));
		return;
	}
	if (mark == CDC_MARK_UNVERIFIABLE)
	{
		s->connector = CDC_OBJ_UNVERIFIED;
		cdc_set_detail(a, CDC_DETAIL_CONNECTOR,
					   psprintf("the mark on connector \"%s\" is not one that this installation put there: SELECT cdc.adopt('%s') if it is its own", c->name, p->id));
		return;
	}
	if (mark != CDC_MARK_OURS)
		return;					/* not known, without a key */
	wanted = p->learned.config_as_wanted ? NULL : cdc_wanted_config(p, NULL);
	if (p->learned.config_as_wanted)
		s->connector = CDC_OBJ_OK;
	else if (wanted && c->config)
	{
		s->connector = cdc_kc_config_equal(wanted, c->config, &which) ? CDC_OBJ_OK : CDC_OBJ_WRONG;
		a->captures_other = s->connector == CDC_OBJ_WRONG && cdc_kc_captures_other(wanted, c->config);
		if (which)
			cdc_set_detail(a, CDC_DETAIL_CONNECTOR, psprintf("it differs in %s", which));
	}
	else
		s->connector = c->config ? CDC_OBJ_OK : CDC_OBJ_UNKNOWN;
	if (wanted)
		json_object_put(wanted);
	s->connector_state = c->state;
	s->task_state = c->task_state;
	/*
	 * A task stores its last offsets when it ends.  What is to be seen gone must
	 * be read after the task was seen gone: list and offsets are asked for at once.
	 */
	if ((p->wanted.want_deleted || p->kept.discarding) && p->look.offsets_at < p->learned.idle_since)
		s->offsets = CDC_OFFSETS_UNKNOWN;
	assess_failure(p, a, c);
}
