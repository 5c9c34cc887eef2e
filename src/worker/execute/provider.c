/*
 * provider.c
 *	  See provider.h.  One request a service at a time; nothing waits for it.
 *
 * An order is sent whenever the row was read (a start of the worker, a change),
 * since it changes nothing when it is known there.  What a provider says is
 * written to the row; how to reach a new service too, with a request to read the
 * row again, so that it is loaded as any other.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/backoff.h"
#include "extension/settings.h"
#include "worker/execute/execute.h"
#include "worker/execute/provider.h"
#include "worker/world/agent_fence.h"
#include "worker/world/index.h"
#include "worker/world/kept.h"
#include "worker/world/pair.h"
#include "worker/world/service_kept.h"
#include "worker/world/tend.h"

#define BUSY_MS 200				/* while something is expected */
#define GONE_MS 50				/* until its pipelines have settled */
#define ERROR_MS 1000
#define LOST_FIRST_MS 250
#define LOST_MAX_MS 10000

static const struct CdcProvider *const providers[] = {[CDC_PROVIDER_LOCAL] = &cdc_provider_local};

/* What an answer belongs to, by id: the service may be another object when it comes. */
typedef struct Asked
{
	CdcWorld   *world;
	char		id[CDC_UUID_LEN + 1];
	CdcProvide	what;
	int64		started;
} Asked;

/* Has a pipeline nothing left to do, even if a request still takes effect, when this is its other side? */
static bool
lets_go(const CdcPipeline *p, const CdcService *other)
{
	return p->kept.absent && (other == NULL || (cdc_provided(other) && other->deleting));
}

static void
settle(CdcPipeline *p, const CdcService *other)
{
	if (p->kept.absent && p->doing.op == NULL && p->kept.status != CDC_DELETED && (other == NULL || other->made.provider_gone))
		cdc_keep_status(p, CDC_DELETED, p->kept.step);
}

/*
 * May a service that is being deleted be taken away?  Its pipelines' teardown is
 * over; and where a request that timed out might still take effect, that has
 * settled, or the other side goes away as well.
 */
static bool
may_go(const CdcService *s)
{
	CdcPipeline *p;

	cdc_each_of_source(p, s)
	{
		if (!lets_go(p, p->sink))
			return false;
	}
	cdc_each_of_sink(p, s)
	{
		if (!lets_go(p, p->source))
			return false;
	}
	return true;
}

/* Both sides are gone: nothing that was sent can take effect any more. */
static void
settle_pipelines(CdcService *s)
{
	CdcPipeline *p;

	cdc_each_of_source(p, s)
		settle(p, p->sink);
	cdc_each_of_sink(p, s)
		settle(p, p->source);
}

static const char *
status_word(CdcProvidedState state, const char *now)
{
	switch (state)
	{
		case CDC_PROVIDED_MAKING:
			return "provisioning";
		case CDC_PROVIDED_RUNNING:
			return "running";
		case CDC_PROVIDED_ERROR:
			return "error";
		default:
			return now;
	}
}

/* Is how to reach it other than what its row says? */
static void
note_connection(CdcService *s, CdcProvided *p)
{
	struct json_object *object;
	const char *words;

	if (p->connection == NULL && p->nodes == NULL)
		return;
	object = json_object_new_object();
	json_object_object_add(object, "connection", p->connection ? json_object_get(p->connection) : json_object_new_object());
	json_object_object_add(object, "nodes", p->nodes ? json_object_get(p->nodes) : json_object_new_array());
	json_object_object_add(object, "network_id", p->network_id ? json_object_new_string(p->network_id) : NULL);
	json_object_object_add(object, "limits", p->limits ? json_object_new_string(p->limits) : NULL);
	words = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	if (!cdc_same(s->made.provided_connection, words))
	{
		cdc_set_string(s->context, &s->made.provided_connection, words);
		cdc_dirty_service(s, CDC_ROW_PROVIDED);
	}
	json_object_put(object);
}

static void
take_news(CdcService *s, CdcProvide what, CdcProvided *p)
{
	int64		now = cdc_loop_now();
	const char *message = p->message;

	if (p->state == CDC_PROVIDED_UNKNOWN && message)
	{
		/* not heard: what was known stays */
		s->made.provider_failures++;
		cdc_tend_at(s, CDC_TEND_PROVIDER, now + cdc_backoff_ms(s->made.provider_failures, LOST_FIRST_MS, LOST_MAX_MS));
		cdc_service_keep_status(s, s->status, s->kafka.addon_status, message);
		return;
	}
	s->made.provider_failures = 0;
	if (s->deleting)
	{
		cdc_tend_at(s, CDC_TEND_PROVIDER, now + BUSY_MS);
		if (p->state == CDC_PROVIDED_ABSENT && what == CDC_PROVIDE_TAKE_BACK)
		{
			cdc_world_provider_gone(s);
			cdc_tend(s, CDC_TEND_PROVIDER);
			cdc_dirty_service(s, CDC_ROW_SERVICE);
		}
		else
			cdc_service_keep_status(s, s->status, s->kafka.addon_status, message);
		return;
	}
	if (p->state == CDC_PROVIDED_ABSENT)
	{
		/* not made yet, or somebody took it away there: it is ordered; who answers an order so makes none */
		s->made.ordered = false;
		if (what == CDC_PROVIDE_ORDER)
			cdc_service_keep_status(s, "error", s->kafka.addon_status, message);
		cdc_tend_at(s, CDC_TEND_PROVIDER, what == CDC_PROVIDE_ORDER ? now + ERROR_MS : now);
		return;
	}
	if (what == CDC_PROVIDE_ORDER && p->state != CDC_PROVIDED_ERROR)
		s->made.ordered = true;
	note_connection(s, p);
	if (message == NULL && s->kafka.has_addon && p->connect != CDC_PROVIDED_RUNNING)
		message = p->connect_message;
	/* a server that runs and that we do not reach says so itself */
	if (message || s->pg.primary || !s->is_postgresql || p->state != CDC_PROVIDED_RUNNING || !cdc_same(s->status, "running"))
		cdc_service_keep_status(s, status_word(p->state, cdc_same(s->status, "pending") ? "provisioning" : s->status),
								s->kafka.has_addon ? status_word(p->connect, s->kafka.addon_status) : NULL, message);
	cdc_tend_at(s, CDC_TEND_PROVIDER, now + (p->state == CDC_PROVIDED_ERROR ? ERROR_MS :
											 p->state == CDC_PROVIDED_RUNNING && (!s->kafka.has_addon || p->connect == CDC_PROVIDED_RUNNING) ? cdc_health_interval : BUSY_MS));
}

/*
 * What its agent keeps of our epoch.  False: nothing is sent there until a superuser
 * has it adopted, and what it says of the service changes nothing.
 */
static bool
may_send(CdcService *s, CdcProvide what, const CdcProvided *p)
{
	char	   *fault;

	if (!p->answered || what == CDC_PROVIDE_ADOPT)
		return true;
	s->made.host_told = false;
	fault = cdc_agent_fence_judge(s, &s->made.host_fence, s->made.host, p->fence);
	if (fault == NULL)
		return true;
	cdc_service_keep_status(s, s->status, s->kafka.addon_status, psprintf("the provisioning agent: %s", fault));
	cdc_tend_at(s, CDC_TEND_PROVIDER, cdc_loop_now() + (s->made.host_fence.adopt ? BUSY_MS : cdc_health_interval));
	return false;
}

/* The agent was told to keep our epoch: looked at again it says whether it does. */
static void
adopted(CdcService *s, const CdcProvided *p, bool done)
{
	s->made.host_told = true;
	if (!done && p->message)
		cdc_service_keep_status(s, s->status, s->kafka.addon_status, p->message);
	cdc_tend_at(s, CDC_TEND_PROVIDER, cdc_loop_now() + (done ? 0 : ERROR_MS));
}

static void
answered(const CdcHttpResult *result, void *arg)
{
	Asked	   *asked = arg;
	CdcService *s = cdc_world_service(asked->world, asked->id);

	if (s && cdc_provided(s) && s->made.provider_asking == asked->started)
	{
		CdcProvided p = providers[s->made.provider]->read(result);

		s->made.provider_asking = 0;
		if (asked->what == CDC_PROVIDE_ADOPT)
			adopted(s, &p, result->outcome == CDC_HTTP_ANSWERED && result->status / 100 == 2);
		else if (may_send(s, asked->what, &p))
			take_news(s, asked->what, &p);
		json_object_put(p.connection);
		json_object_put(p.nodes);
	}
	pfree(asked);
}

/* Another address is another agent. */
static void
follow_url(CdcService *s)
{
	if (cdc_same(s->made.host, cdc_provision_url))
		return;
	if (s->made.host)
		cdc_agent_fence_forget(s, &s->made.host_fence, s->made.host);
	cdc_set_string(s->context, &s->made.host, cdc_provision_url);
}

/* What is asked next: what changes something only of an agent that has said what it keeps of our epoch. */
static CdcProvide
next_request(const CdcService *s)
{
	const CdcAgentFence *fence = &s->made.host_fence;

	if (fence->unverified && fence->adopt && !s->made.host_told)
		return CDC_PROVIDE_ADOPT;
	if (fence->unverified || !fence->known)
		return CDC_PROVIDE_LOOK;
	return s->deleting ? CDC_PROVIDE_TAKE_BACK : s->made.ordered ? CDC_PROVIDE_LOOK : CDC_PROVIDE_ORDER;
}

static void
ask(CdcService *s)
{
	CdcHttpRequest request;
	Asked	   *asked;
	char	   *why;

	if (s->error && !s->deleting)
	{
		cdc_service_keep_status(s, "error", s->kafka.addon_status, s->error);
		cdc_tend_at(s, CDC_TEND_PROVIDER, cdc_loop_now() + LOST_MAX_MS);
		return;
	}
	follow_url(s);
	asked = MemoryContextAllocZero(TopMemoryContext, sizeof(Asked));
	asked->world = s->world;
	strlcpy(asked->id, s->id, sizeof(asked->id));
	asked->what = next_request(s);
	/* no two of a service are alike: an answer to a former object finds another */
	asked->started = (int64) cdc_world_serial(s->world);
	memset(&request, 0, sizeof(request));
	why = providers[s->made.provider]->request(s, asked->what, &request);
	if (why)
	{
		cdc_service_keep_status(s, s->status, s->kafka.addon_status, why);
		cdc_tend_at(s, CDC_TEND_PROVIDER, cdc_loop_now() + LOST_MAX_MS);
		pfree(asked);
		return;
	}
	s->made.provider_asking = asked->started;
	if (cdc_http_start(&request, answered, asked) == NULL)
	{
		s->made.provider_asking = 0;
		cdc_tend_at(s, CDC_TEND_PROVIDER, cdc_loop_now() + BUSY_MS);
		pfree(asked);
	}
	providers[s->made.provider]->wipe(&request);
}

void
cdc_provider_round(CdcWorld *world)
{
	CdcService *s;

	cdc_each_service(s, world)
	{
		if (cdc_provided(s) && s->made.provider_failures == 0)
			cdc_tend_at(s, CDC_TEND_PROVIDER, cdc_loop_now());
	}
}

void
cdc_provider_due(CdcWorld *world)
{
	CdcService *s;
	int64		now = cdc_loop_now();

	while ((s = cdc_tend_next_due(world, CDC_TEND_PROVIDER, now)) != NULL)
	{
		if (!cdc_provided(s))
			continue;
		if (s->made.provider_gone)
		{
			settle_pipelines(s);
			cdc_tend_at(s, CDC_TEND_PROVIDER, now + GONE_MS);
		}
		else if (s->made.provider_asking == 0)
		{
			cdc_world_take_back(s, s->deleting && may_go(s));
			if (s->deleting && !s->made.taken_back)
				cdc_tend_at(s, CDC_TEND_PROVIDER, now + BUSY_MS);
			else if (s->deleting && cdc_pair_joined(s))
			{
				cdc_service_keep_status(s, s->status, s->kafka.addon_status, "waiting for the peerings of its network to be removed");
				cdc_tend_at(s, CDC_TEND_PROVIDER, now + BUSY_MS);
			}
			else
				ask(s);
		}
	}
}
