/*
 * connector.c
 *	  Looks at one connector of a Kafka Connect, in place of the list of all.
 *
 * See observe_parts.h.  What is seen takes its place in the list that is there, so
 * that whoever reads that finds it.  Anything but Connect's plain word about the
 * connector is left to the list to find out: whether Connect is there is judged by that alone.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/observe/observe_parts.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"
#include "worker/world/plan.h"
#include "worker/world/reach.h"
#include "worker/world/tend.h"

/*
 * It is asked for by two requests, and a list costs Connect as many as it has
 * connectors: so of a cluster with fewer than this the list is asked for, ...
 */
#define LIST_BELOW 16
/* ... and so is it when as many are being asked for: it answers all who wait. */
#define MOST_AT_ONCE 8

/* The two requests, and what they are answered with. */
typedef enum Part
{
	THE_INFO,
	THE_STATUS,
	NUM_PARTS
} Part;

static const char *const paths[NUM_PARTS] = {"/connectors/%s", "/connectors/%s/status"};

struct Look;

typedef struct Ask
{
	struct Look *look;
	char	   *body;			/* NULL: there is none of it */
} Ask;

/* By ids: the objects may be gone when it is answered. */
typedef struct Look
{
	CdcWorld   *world;
	char		id[CDC_UUID_LEN + 1];
	char		sink_id[CDC_UUID_LEN + 1];
	int64		started;
	int			outstanding;
	bool		absent;			/* one says that there is no such connector */
	bool		failed;			/* one says nothing of it */
	Ask			asks[NUM_PARTS];
} Look;

/* What both say takes its place; false: they say nothing of it. */
static bool
take(Look *look, CdcPipeline *p)
{
	CdcService *sink = p->sink;

	if (look->failed || sink->kafka.list == NULL)
		return false;
	if (look->absent)
		return cdc_kc_list_set(sink->kafka.list, p->connector_name, NULL, NULL);
	return cdc_kc_list_set(sink->kafka.list, p->connector_name, look->asks[THE_INFO].body, look->asks[THE_STATUS].body);
}

static void
look_ended(Look *look)
{
	CdcPipeline *p = cdc_world_pipeline(look->world, look->id);
	CdcService *sink = cdc_world_service(look->world, look->sink_id);
	int			i;

	if (sink && sink->kafka.asked_alone > 0)
		sink->kafka.asked_alone--;
	if (p && sink && p->sink == sink && p->look.connector_since == look->started)
	{
		p->look.connector_since = 0;
		/* a list that was begun later knows better */
		if (sink->kafka.listed_at > look->started)
			;
		else if (take(look, p))
		{
			p->look.connector_at = look->started;
			p->look.connector_ended = cdc_loop_now();
		}
		else if (p->look.waiting)
		{
			sink->kafka.list_wanted = true;
			cdc_tend_by(sink, CDC_TEND_LOOKS, cdc_loop_now());
		}
		if (p->look.waiting)
			cdc_world_ready(p);
	}
	for (i = 0; i < NUM_PARTS; i++)
	{
		if (look->asks[i].body)
			pfree(look->asks[i].body);
	}
	pfree(look);
}

static void
part_done(const CdcHttpResult *result, void *arg)
{
	Ask		   *ask = arg;
	Look	   *look = ask->look;
	char	   *words;

	if (result->outcome == CDC_HTTP_ANSWERED && result->status == 200)
		ask->body = MemoryContextStrdup(TopMemoryContext, result->body);
	else if (result->outcome == CDC_HTTP_ANSWERED && cdc_kc_meaning(result->status, result->body, NULL, 0, &words) == CDC_KC_ABSENT)
		look->absent = true;
	else
		look->failed = true;
	if (--look->outstanding == 0)
		look_ended(look);
}

bool
cdc_observe_connector(CdcPipeline *p)
{
	CdcService *sink = p->sink;
	const char *base = cdc_connect_url(sink);
	Look	   *look;
	int			i;

	if (p->look.connector_since != 0 && p->look.connector_since >= p->plan.connect_since)
		return true;
	/* a round is for all, and so is a list that is wanted or under way */
	if (base == NULL || p->plan.round_due || sink->kafka.list_wanted || (sink->kafka.listing && sink->kafka.listing_since >= p->plan.connect_since) ||
		sink->kafka.connect_reachable != CDC_YES || sink->kafka.list == NULL || sink->kafka.list->n < LIST_BELOW || sink->kafka.asked_alone >= MOST_AT_ONCE)
		return false;
	look = MemoryContextAllocZero(TopMemoryContext, sizeof(Look));
	look->world = p->world;
	strlcpy(look->id, p->id, sizeof(look->id));
	strlcpy(look->sink_id, sink->id, sizeof(look->sink_id));
	look->started = cdc_loop_now();
	for (i = 0; i < NUM_PARTS; i++)
	{
		CdcHttpRequest request = {.method = CDC_HTTP_GET};

		look->asks[i].look = look;
		request.url = cdc_kc_url(base, paths[i], p->connector_name);
		cdc_reach_connect(sink, &request);
		if (cdc_http_start(&request, part_done, &look->asks[i]) != NULL)
			look->outstanding++;
		else
			look->failed = true;
	}
	if (look->outstanding == 0)
	{
		pfree(look);
		return false;
	}
	sink->kafka.asked_alone++;
	p->look.connector_since = look->started;
	return true;
}
