/*
 * observe.c
 *	  Looks at Kafka Connect, and the pipeline's question "is all known?".
 *
 * See observe.h.  Sources are looked at in observe/node.c and observe/source.c.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "extension/settings.h"
#include "worker/observe/connect_claims.h"
#include "worker/observe/login.h"
#include "worker/observe/observe.h"
#include "worker/observe/observe_parts.h"
#include "worker/observe/peer_said.h"
#include "worker/observe/registered.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"
#include "worker/world/plan.h"
#include "worker/world/plugin_roll.h"
#include "worker/world/reach.h"
#include "worker/world/service_kept.h"
#include "worker/world/tend.h"

/* How often a sink is looked at while its workers are restarted one by one (ms). */
#define ROLL_MS 200

/* What cannot be asked for now, since there is too much of it, is tried again after this. */
#define PRESSURE_MS 50

/* A list is not asked for again before this many times its own duration. */
#define LIST_PACE 2

/* What an answer belongs to, by ids: the objects may be gone when it comes. */
typedef struct CdcLook
{
	CdcWorld   *world;
	char		id[CDC_UUID_LEN + 1];
	int64		started;
	int			index;
	CdcKcReader *reader;		/* of a list, as it comes */
} CdcLook;

/* A list is read as it comes: what is kept of it has limits of its own. */
#define LIST_MAX (64 * 1024 * 1024)

static CdcLook *
make_look(CdcWorld *world, const char *id)
{
	CdcLook    *look = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcLook));

	look->world = world;
	strlcpy(look->id, id, sizeof(look->id));
	look->started = cdc_loop_now();
	return look;
}

static void
free_look(CdcLook *look)
{
	cdc_kc_reader_free(look->reader);
	pfree(look);
}

/* Starts a GET on a worker; frees the look and returns false under pressure. */
static bool
get(CdcService *sink, const char *base, const char *path, const char *name,
	CdcHttpDone done, CdcLook *look)
{
	CdcHttpRequest request;
	char	   *url = cdc_kc_url(base, path, name);
	bool		started;

	memset(&request, 0, sizeof(request));
	request.method = CDC_HTTP_GET;
	request.url = url;
	if (look->reader)
	{
		request.consume = cdc_kc_reader_feed;
		request.consumed = look->reader;
		request.consume_max = LIST_MAX;
	}
	cdc_reach_connect(sink, &request);
	started = cdc_http_start(&request, done, look) != NULL;
	if (!started)
		free_look(look);
	pfree(url);
	return started;
}

static void
set_sink_status(CdcService *sink, bool running)
{
	const char *status = running && !sink->deleting ? "running" : sink->status;
	const char *addon = running && sink->kafka.has_addon ? "running" : sink->kafka.addon_status;

	/* its provider says what it is */
	if (cdc_provided(sink))
		return;
	if (sink->error)
		cdc_service_keep_status(sink, sink->status, sink->kafka.addon_status, sink->error);
	else if (cdc_service_keep_status(sink, status, addon, running ? NULL : sink->kafka.connect_error) && running)
		cdc_world_ready_all(sink);	/* that it answers again is news, whatever it is */
}

/* What was seen of one alone after a list was begun is not in that list: it is asked for again. */
static void
forget_younger(CdcService *sink, int64 began)
{
	CdcPipeline *p;

	cdc_each_of_sink(p, sink)
	{
		if (p->look.connector_at > began)
			p->look.connector_at = 0;
	}
}

static void
list_done(const CdcHttpResult *result, void *arg)
{
	CdcLook    *look = arg;
	CdcService *sink = cdc_world_service(look->world, look->id);
	char	   *error = NULL;
	int			i;

	if (sink == NULL || !sink->kafka.listing || sink->kafka.listing_since != look->started)
	{
		free_look(look);
		return;
	}
	sink->kafka.listing = false;
	sink->kafka.listed_at = look->started;
	cdc_tend(sink, CDC_TEND_LOOKS);
	sink->kafka.list_ended = cdc_loop_now();
	sink->kafka.list_ms = result->elapsed_ms;
	if (result->tolerated || result->outcome == CDC_HTTP_ANSWERED)
		cdc_registered_answered(sink, cdc_connect_url(sink), result->tolerated);
	if (result->outcome == CDC_HTTP_ANSWERED && result->status == 200)
	{
		MemoryContext old = MemoryContextSwitchTo(sink->context);
		CdcKcList  *list = cdc_kc_reader_list(look->reader);

		MemoryContextSwitchTo(old);
		if (list)
		{
			if (sink->kafka.list)
				cdc_kc_list_free(sink->kafka.list);
			sink->kafka.list = list;
			cdc_connect_strangers(sink);
			forget_younger(sink, look->started);
		}
		else
			error = pstrdup(cdc_kc_reader_fault(look->reader) ? cdc_kc_reader_fault(look->reader) : "the answer is not Kafka Connect's");
	}
	else if (cdc_kc_reader_fault(look->reader))
		error = pstrdup(cdc_kc_reader_fault(look->reader));
	else if (result->outcome == CDC_HTTP_ANSWERED)
	{
		const char *sent[] = {sink->kafka.connect_password};

		cdc_kc_meaning(result->status, result->body, sent, lengthof(sent), &error);
		error = psprintf("HTTP %d%s%s", result->status, error ? ": " : "", error ? error : "");
	}
	else
		error = pstrdup(result->error);

	cdc_peer_said(sink, cdc_connect_url(sink), result->said);
	sink->kafka.connect_reachable = error ? CDC_NO : CDC_YES;
	if (error == NULL)
	{
		cdc_connect_claim(sink, result->peer);
		/* the others are not looked at while this one answers */
		for (i = 0; i < sink->kafka.nurls; i++)
			cdc_peer_said(sink, sink->kafka.connect_urls[i], NULL);
	}
	cdc_set_string(sink->context, &sink->kafka.connect_error,
				   error ? psprintf("%s: %s", cdc_connect_url(sink), error) : NULL);
	if (error && sink->kafka.nurls > 1)
		sink->kafka.url = (sink->kafka.url + 1) % sink->kafka.nurls;
	set_sink_status(sink, error == NULL);
	cdc_world_ready_waiting(sink);
	free_look(look);
}

static int64
list_due(const CdcService *sink)
{
	return sink->kafka.listed_at == 0 ? 0 : sink->kafka.listed_at + (int64) sink->kafka.list_ms * (1 + LIST_PACE);
}

static void
want_list_by(CdcService *sink, int64 at)
{
	sink->kafka.list_wanted = true;
	cdc_tend_by(sink, CDC_TEND_LOOKS, at);
}

static void
want_list(CdcService *sink)
{
	const char *url = cdc_connect_url(sink);
	CdcLook    *look;

	if (sink->kafka.listing || url == NULL)
		return;
	/* one GET for all who wait, and never back to back on a slow cluster */
	if (cdc_loop_now() < list_due(sink))
	{
		want_list_by(sink, list_due(sink));
		return;
	}
	sink->kafka.list_wanted = false;
	look = make_look(sink->world, sink->id);
	look->reader = cdc_kc_reader_new(sink->kafka.list);
	if (look->reader == NULL)
	{
		pfree(look);
		want_list_by(sink, cdc_loop_now() + PRESSURE_MS);
		return;
	}
	sink->kafka.listing = true;
	sink->kafka.listing_since = look->started;
	if (!get(sink, url, "/connectors?expand=status&expand=info", NULL, list_done, look))
	{
		sink->kafka.listing = false;
		want_list_by(sink, cdc_loop_now() + PRESSURE_MS);
	}
}

/* While workers are restarted one by one, whoever uses them looks again and again. */
static void
roll_on(CdcService *sink)
{
	CdcPipeline *p;

	sink->kafka.rolled_at = cdc_loop_now();
	cdc_plugin_rolling(sink, false);
	cdc_each_of_sink(p, sink)
	{
		if (p->doing.op == NULL && !p->kept.absent && !p->look.waiting)
			cdc_world_anew(p, CDC_ANEW_CONNECT | CDC_ANEW_WHEN_DUE);
	}
}

/* What is due of a service, and when more is. */
static void
see_to(CdcService *s)
{
	if (!s->row_judged)
	{
		s->row_judged = true;
		cdc_registered_check(s);
	}
	if (s->pg.release_due)
		cdc_observe_release(s);
	if (s->is_kafka && s->kafka.list_wanted)
		want_list(s);
	if (s->kafka.rolling && cdc_loop_now() >= s->kafka.rolled_at + ROLL_MS)
		roll_on(s);
	else if (s->kafka.rolling)
		cdc_tend_by(s, CDC_TEND_LOOKS, s->kafka.rolled_at + ROLL_MS);
	cdc_tend_by(s, CDC_TEND_LOOKS, cdc_observe_source_due(s));
}

void
cdc_observe_paced(CdcWorld *world)
{
	CdcService *s;
	int64		now = cdc_loop_now();

	cdc_network_observe_due(world);
	while ((s = cdc_tend_next_due(world, CDC_TEND_LOOKS, now)) != NULL)
		see_to(s);
}

int64
cdc_observe_next(CdcWorld *world)
{
	return cdc_network_observe_next(world);
}

/* All workers have answered, or will not. */
static void
judge_plugins(CdcService *sink)
{
	CdcTri		present = CDC_UNKNOWN;
	char	   *missing = NULL;
	int			i;

	for (i = 0; i < sink->kafka.nurls; i++)
	{
		/*
		 * A worker that does not answer says nothing about the plugin: one
		 * that is down must not stop pipelines that the others carry.
		 */
		if (sink->kafka.workers[i].plugin_versions == NULL)
			continue;
		if (sink->kafka.workers[i].plugin_versions[0] == '\0')
		{
			missing = missing ? psprintf("%s, %s", missing, sink->kafka.connect_urls[i]) : sink->kafka.connect_urls[i];
			present = CDC_NO;
		}
		else if (present == CDC_UNKNOWN)
			present = CDC_YES;
	}
	sink->kafka.plugin_present = present;
	cdc_set_string(sink->context, &sink->kafka.plugin_missing, missing);
	cdc_login_check_plugin(sink);
}

static void
plugins_done(const CdcHttpResult *result, void *arg)
{
	CdcLook    *look = arg;
	CdcService *sink = cdc_world_service(look->world, look->id);
	bool		present = false;
	bool		known = false;
	char	   *versions = NULL;

	if (sink == NULL || sink->kafka.plugin_asks == 0 || sink->kafka.plugin_since != look->started)
	{
		pfree(look);
		return;
	}
	if (result->outcome == CDC_HTTP_ANSWERED && result->status == 200)
		known = cdc_kc_parse_plugins(result->body, &present, &versions);
	cdc_set_string(sink->context, &sink->kafka.workers[look->index].plugin_versions,
				   !known ? NULL : !present ? "" : versions ? versions : "unknown");
	if (--sink->kafka.plugin_asks == 0)
	{
		sink->kafka.plugin_at = look->started;
		judge_plugins(sink);
		cdc_world_ready_waiting(sink);
	}
	pfree(look);
}

static void
want_plugins(CdcService *sink)
{
	int64		now = cdc_loop_now();
	int			i;

	if (sink->kafka.plugin_asks > 0 || sink->kafka.nurls == 0)
		return;
	sink->kafka.plugin_since = now;
	sink->kafka.plugin_asks = sink->kafka.nurls;
	for (i = 0; i < sink->kafka.nurls; i++)
	{
		CdcLook    *look = make_look(sink->world, sink->id);

		look->started = now;
		look->index = i;
		if (!get(sink, sink->kafka.connect_urls[i], "/connector-plugins?connectorsOnly=false", NULL,
				 plugins_done, look))
			sink->kafka.plugin_asks--;
	}
}

static void
offsets_done(const CdcHttpResult *result, void *arg)
{
	CdcLook    *look = arg;
	CdcPipeline *p = cdc_world_pipeline(look->world, look->id);

	if (p == NULL || !p->look.offsets_asking)
	{
		pfree(look);
		return;
	}
	p->look.offsets_asking = false;
	p->look.offsets_at = look->started;
	p->look.offsets_known = CDC_UNKNOWN;
	if (result->outcome == CDC_HTTP_ANSWERED && result->status == 200)
	{
		CdcKcOffsets offsets;

		memset(&offsets, 0, sizeof(offsets));
		if (cdc_kc_parse_offsets(result->body, &offsets))
		{
			p->look.offsets = offsets;
			p->look.offsets_known = CDC_YES;
		}
	}
	else if (result->outcome == CDC_HTTP_ANSWERED && result->status == 404)
		p->look.offsets_known = CDC_NO;
	if (p->look.waiting)
		cdc_world_ready(p);
	pfree(look);
}

static void
want_offsets(CdcPipeline *p)
{
	const char *url = cdc_connect_url(p->sink);
	CdcLook    *look;

	if (p->look.offsets_asking || url == NULL)
		return;
	look = make_look(p->world, p->id);
	p->look.offsets_asking = get(p->sink, url, "/connectors/%s/offsets", p->connector_name,
								 offsets_done, look);
}

bool
cdc_observe(CdcPipeline *p, int needs)
{
	bool		all = true;

	if ((needs & CDC_NEED_SOURCE) && p->source && p->source->is_postgresql &&
		!cdc_observe_source_fresh(p))
	{
		cdc_observe_source_want(p);
		all = false;
	}
	if ((needs & CDC_NEED_SOURCE) && p->source && p->source->is_postgresql && !cdc_observe_columns_fresh(p))
	{
		cdc_observe_columns_want(p);
		all = false;
	}
	if (p->sink && p->sink->is_kafka && p->sink->kafka.nurls > 0)
	{
		if ((needs & CDC_NEED_CONNECT) && cdc_connect_seen_at(p) < p->plan.connect_since)
		{
			if (!cdc_observe_connector(p))
				want_list(p->sink);
			all = false;
		}
		if ((needs & CDC_NEED_PLUGIN) && p->sink->kafka.plugin_at < p->plan.connect_since &&
			(p->sink->kafka.plugin_present != CDC_YES || (needs & CDC_NEED_AGENTS)))
		{
			want_plugins(p->sink);
			all = false;
		}
		if ((needs & CDC_NEED_OFFSETS) && p->look.offsets_at < p->plan.connect_since)
		{
			want_offsets(p);
			all = false;
		}
	}
	if ((needs & CDC_NEED_NETWORK) && !cdc_network_observe(p))
		all = false;
	if ((needs & CDC_NEED_AGENTS) && !cdc_agents_fresh(p->sink, p->plan.connect_since))
	{
		cdc_agents_look(p->sink);
		all = false;
	}
	cdc_observe_why(p);
	cdc_observe_pending(p);
	cdc_plan_wait(p, !all);
	return all;
}

void
cdc_observe_service(CdcService *service)
{
	if (service->is_postgresql)
		cdc_observe_nodes(service);
	else if (service->is_kafka && service->kafka.has_addon)
	{
		want_list(service);
		want_plugins(service);
		cdc_agents_look(service);
	}
}
