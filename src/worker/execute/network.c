/*
 * network.c
 *	  Changes of network peerings: made and enabled for a pipeline, removed
 *	  when no service needs the pair any more.
 *
 * See execute.h.  The intent (the row of the pair, with the time
 * of the change) is committed before a request is sent; what it did shows in
 * the next list, whatever became of its answer.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/backoff.h"
#include "extension/settings.h"
#include "worker/execute/execute_parts.h"
#include "worker/world/pair.h"
#include "worker/world/reach.h"

/* What was refused for a reason is tried again after this: people may have cured it. */
#define REFUSED_MS 30000
/* A conflict with a peering that the list does not show, so often, is a refusal. */
#define MAX_CONFLICTS 3

#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 30000
#define WAIT_MS 50				/* for a list, for whoever acts on the pair, for the turn that writes it */
#define WATCH_MS 5000			/* a removed pair, until nothing can come back late */

bool
cdc_network_is_action(CdcAction action)
{
	return action == CDC_ACT_CREATE_PEERING || action == CDC_ACT_ENABLE_PEERING;
}

bool
cdc_network_reserve(CdcPipeline *p)
{
	CdcPair    *pair = cdc_pair_of(p);

	if (pair == NULL || pair->removal_planned || pair->removal_serial)
		return false;
	return cdc_turn_take(&pair->turn, p);
}

void
cdc_network_release(CdcPipeline *p)
{
	cdc_turn_give_kind(p, CDC_PAIR_TURN);
}

void
cdc_network_prepare(CdcPipeline *p)
{
	CdcPair    *pair = cdc_pair_of(p);

	cdc_pair_keep_waiting(pair, true);
	cdc_pair_keep_mutated(pair);
}

/* Starts a change; the error when that is not possible. */
static const char *
start(CdcHttpMethod method, const char *uuid, const char *body, CdcHttpDone done, void *arg)
{
	CdcHttpRequest request;
	CdcSdnCredentials credentials;
	const char *error;

	memset(&request, 0, sizeof(request));
	request.method = method;
	request.url = cdc_sdn_url_of(cdc_sdn_url, "network-peering", uuid);
	request.body = body;
	request.timeout_ms = cdc_request_timeout;
	error = cdc_reach_sdn(&request, &credentials);
	if (error == NULL && cdc_http_start(&request, done, arg) == NULL)
		error = "out of memory";
	cdc_sdn_wipe(&credentials);
	return error;
}

/* An answer to a change, as an operation's end. */
static CdcOpEnd
end_of(const CdcHttpResult *result, CdcSdnMeaning *meaning, char **words)
{
	*words = NULL;
	*meaning = CDC_SDN_MAYBE;
	if (result->outcome == CDC_HTTP_NOT_SENT)
	{
		*words = pstrdup(result->error);
		*meaning = CDC_SDN_LATER;
		return CDC_OP_FAILED;
	}
	if (result->outcome != CDC_HTTP_ANSWERED)
	{
		*words = psprintf("%s; it may have taken effect and is looked up", result->error ? result->error : "no answer");
		return CDC_OP_UNKNOWN;
	}
	*meaning = cdc_sdn_meaning(result->status, result->body, words);
	return *meaning == CDC_SDN_DONE ? CDC_OP_DONE : *meaning == CDC_SDN_MAYBE ? CDC_OP_UNKNOWN : CDC_OP_FAILED;
}

static void
refuse(CdcPair *pair, const char *words)
{
	cdc_set_string(pair->world->context, &pair->refused, words);
	pair->refused_until = cdc_loop_now() + REFUSED_MS;
}

static void
change_done(const CdcHttpResult *result, void *arg)
{
	CdcOpRef   *ref = arg;
	CdcOp	   *op = cdc_op_of(ref);
	CdcPair    *pair = op ? cdc_pair_of(op->pipeline) : NULL;
	CdcSdnMeaning meaning;
	CdcOpEnd	end;
	char	   *words;

	end = end_of(result, &meaning, &words);
	if (pair)
	{
		if (meaning == CDC_SDN_EXISTS && cdc_pair_met_conflict(pair) < MAX_CONFLICTS)
		{
			/* somebody was quicker, perhaps ourselves: the next list shows it */
			end = CDC_OP_DONE;
			words = pstrdup("it exists already and is looked up");
		}
		else if (meaning == CDC_SDN_EXISTS || meaning == CDC_SDN_REFUSED || meaning == CDC_SDN_DENIED)
		{
			refuse(pair, meaning == CDC_SDN_EXISTS ? psprintf("%s, but it is not listed: ask UpCloud's support", words) : words);
			cdc_pair_end_conflicts(pair);
		}
		else if (meaning == CDC_SDN_DONE)
			cdc_set_string(pair->world->context, &pair->refused, NULL);
		cdc_pair_keep_error(pair, end == CDC_OP_DONE ? NULL : words);
		cdc_pair_changed(pair);
	}
	if (op)
		cdc_op_end(*ref, end, words);
	pfree(ref);
}

void
cdc_network_execute(CdcOp *op)
{
	CdcPair    *pair = cdc_pair_of(op->pipeline);
	CdcAction	action = op->action;
	const CdcSdnPeering *ab;
	const CdcSdnPeering *ba;
	CdcSdnVerdict v;
	CdcOpRef   *ref;
	const char *error;

	if (pair == NULL || !cdc_pair_seen(pair, &ab, &ba))
	{
		cdc_op_end(cdc_op_ref(op), CDC_OP_FAILED, "the network changed meanwhile");
		return;
	}
	v = cdc_sdn_judge(pair->a, pair->b, ab, ba, pair->installation);
	if (v.peerings != (action == CDC_ACT_CREATE_PEERING ? CDC_PEERINGS_MISSING : CDC_PEERINGS_DISABLED) ||
		pair->installation == NULL)
	{
		cdc_op_end(cdc_op_ref(op), CDC_OP_FAILED, "the network changed meanwhile");
		return;
	}
	ref = MemoryContextAlloc(TopMemoryContext, sizeof(CdcOpRef));
	*ref = cdc_op_ref(op);
	if (action == CDC_ACT_CREATE_PEERING)
		error = start(CDC_HTTP_POST, NULL, cdc_sdn_create_body(v.local, v.peer, pair->installation), change_done, ref);
	else
		error = start(CDC_HTTP_PATCH, v.uuid, cdc_sdn_status_body(true), change_done, ref);
	if (error)
	{
		pfree(ref);
		cdc_op_end(cdc_op_ref(op), CDC_OP_FAILED, error);
	}
}

static void
retry_later(CdcPair *pair)
{
	pair->attempts++;
	pair->next_try = cdc_loop_now() + cdc_backoff_ms(pair->attempts, BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
}

/* Nothing of ours is listed: over, or a late effect is still possible. */
static void
end_removal(CdcPair *pair)
{
	int64		left = pair->mutated_at == 0 ? 0 :
		cdc_settle_after - (GetCurrentTimestamp() - pair->mutated_at) / 1000;

	pair->parted = true;
	if (left > 0)
	{
		pair->next_try = cdc_loop_now() + Min(left, WATCH_MS);
		return;
	}
	pair->gone = true;
	cdc_dirty_pair(pair);
	ereport(LOG, (errmsg("cdc_pipeline reconciler: the peerings between networks %s and %s are removed: no service needs them",
						 pair->a, pair->b)));
}

static void
plan_removal(CdcPair *pair)
{
	CdcWorld   *world = pair->world;
	const CdcSdnPeering *ab;
	const CdcSdnPeering *ba;
	const CdcSdnPeering *which;

	if (!cdc_pair_seen(pair, &ab, &ba) || world->sdn.good_at < pair->next_try)
	{
		if (world->sdn.reachable == CDC_NO && world->sdn.listed_at >= Max(pair->changed_at, pair->next_try))
		{
			cdc_pair_keep_error(pair, world->sdn.error);
			retry_later(pair);
		}
		else if (cdc_pair_unread(pair) && world->sdn.good_at >= pair->next_try)
		{
			cdc_pair_keep_error(pair, cdc_pair_unread(pair));
			retry_later(pair);
		}
		else
			cdc_sdn_want_list(world, true);
		return;
	}
	pair->removal = cdc_sdn_removal(ab, ba, pair->installation, &which);
	switch (pair->removal)
	{
		case CDC_SDN_REMOVED:
			end_removal(pair);
			break;
		case CDC_SDN_TO_WAIT:
			pair->next_try = cdc_loop_now() + 1;
			break;
		case CDC_SDN_TO_DISABLE:
		case CDC_SDN_TO_DELETE:
			pair->parted = false;
			strlcpy(pair->removal_uuid, which->uuid, sizeof(pair->removal_uuid));
			pair->removal_planned = world->removals_planned = true;
			cdc_pair_keep_mutated(pair);
			break;
	}
}

/* A removal's answer finds its pair by the serial. */
typedef struct CdcRemovalRef
{
	CdcWorld   *world;
	uint64		serial;
} CdcRemovalRef;

static void
removal_done(const CdcHttpResult *result, void *arg)
{
	CdcRemovalRef *ref = arg;
	ListCell   *cell;
	CdcSdnMeaning meaning;
	CdcOpEnd	end;
	char	   *words;

	end = end_of(result, &meaning, &words);
	foreach(cell, ref->world->pairs)
	{
		CdcPair    *pair = lfirst(cell);

		if (pair->removal_serial != ref->serial)
			continue;
		pair->removal_serial = 0;
		cdc_pair_changed(pair);
		if (end == CDC_OP_DONE || meaning == CDC_SDN_ABSENT || meaning == CDC_SDN_NOT_DISABLED)
		{
			pair->attempts = 0;
			pair->next_try = cdc_loop_now();
			cdc_pair_keep_error(pair, NULL);
		}
		else
		{
			cdc_pair_keep_error(pair, words);
			retry_later(pair);
		}
		break;
	}
	pfree(ref);
}

void
cdc_network_dispatch(CdcWorld *world)
{
	bool		planned = world->removals_planned;
	ListCell   *cell;

	world->removals_planned = false;
	foreach(cell, planned ? world->pairs : NIL)
	{
		CdcPair    *pair = lfirst(cell);
		CdcRemovalRef *ref;
		const char *error;

		if (!pair->removal_planned)
			continue;
		if (cdc_is_dirty(&pair->dirty))
		{
			world->removals_planned = true;
			continue;
		}
		pair->removal_planned = false;
		if (cdc_pair_is_needed(pair))
			continue;			/* a service came meanwhile: its pipelines enable it again */
		ref = MemoryContextAlloc(TopMemoryContext, sizeof(CdcRemovalRef));
		ref->world = world;
		ref->serial = pair->removal_serial = cdc_world_serial(world);
		if (pair->removal == CDC_SDN_TO_DELETE)
			error = start(CDC_HTTP_DELETE, pair->removal_uuid, NULL, removal_done, ref);
		else
			error = start(CDC_HTTP_PATCH, pair->removal_uuid, cdc_sdn_status_body(false), removal_done, ref);
		if (error)
		{
			pfree(ref);
			pair->removal_serial = 0;
			cdc_pair_keep_error(pair, error);
			retry_later(pair);
		}
	}
}

void
cdc_network_due(CdcWorld *world)
{
	ListCell   *cell;
	int64		now = cdc_loop_now();

	if (!cdc_network_configured() || !world->loaded || now < world->pairs_due)
		return;
	cdc_pairs_see(world, PG_INT64_MAX);
	foreach(cell, world->pairs)
	{
		CdcPair    *pair = lfirst(cell);
		bool		removing = pair->stored && !cdc_pair_is_needed(pair);

		if (removing != pair->removing)
		{
			pair->parted = false;
			pair->removing = removing;
			pair->next_try = now;
			pair->attempts = 0;
			cdc_dirty_pair(pair);
		}
		if (removing && !pair->gone && !pair->turn.holder && !pair->removal_planned && !pair->removal_serial && now >= pair->next_try)
			plan_removal(pair);
		if (removing && !pair->gone)
			cdc_pairs_see(world, Min(world->pairs_due, Max(pair->next_try, now + WAIT_MS)));
	}
}

int64
cdc_network_next(CdcWorld *world)
{
	return cdc_network_configured() && world->loaded && world->pairs_due < PG_INT64_MAX ? Max(world->pairs_due, 1) : 0;
}
