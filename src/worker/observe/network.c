/*
 * network.c
 *	  Looks at the SDN API: one list of peerings for all, and whose a service's
 *	  network is, and its ranges.
 *
 * See observe.h and observe_parts.h.  Credentials are read from their file for every request: it
 * is small, and what was rotated is used at once.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/secrets.h"
#include "extension/settings.h"
#include "worker/observe/observe_parts.h"
#include "worker/observe/registered.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"
#include "worker/world/pair.h"
#include "worker/world/plan.h"
#include "worker/world/reach.h"
#include "worker/world/service_kept.h"

/* A list is not asked for more often than this, sparser as time passes. */
#define PACE_DENSE_MS 200
#define PACE_SPARSE_MS 5000
#define PACE_GROWTH 20			/* a 20th of the time since the last change */

/* Peerings of an account, some 600 bytes each, read as they come. */
#define LIST_MAX (16 * 1024 * 1024)

static void
note_pairs(CdcWorld *world)
{
	ListCell   *cell;

	foreach(cell, world->pairs)
	{
		CdcPair    *pair = lfirst(cell);
		const CdcSdnPeering *ab;
		const CdcSdnPeering *ba;

		if (!cdc_pair_seen(pair, &ab, &ba))
			continue;
		/* ours by its label, but of a row that is lost: it is to be removed one day */
		if (!pair->stored && (cdc_sdn_ours(ab, pair->installation) || cdc_sdn_ours(ba, pair->installation)))
			cdc_dirty_pair(pair);
		cdc_pair_keep_directions(pair, ab, ba);
	}
}

/* An answer that is not the wanted one, in words; *denied: our credentials. */
static char *
fault_of(const CdcHttpResult *result, const char *url, bool *denied)
{
	char	   *words;

	*denied = false;
	if (result->outcome != CDC_HTTP_ANSWERED)
		return psprintf("%s: %s", url, result->error ? result->error : "no answer");
	*denied = cdc_sdn_meaning(result->status, result->body, &words) == CDC_SDN_DENIED;
	return psprintf("%s: %s", url, words ? words : "the answer is not one of the SDN API");
}

static void
forget_list(CdcSdn *sdn)
{
	if (sdn->list)
		cdc_sdn_list_free(sdn->list);
	sdn->list = NULL;
	sdn->good_at = 0;
}

/* Another address: what was seen of the former says nothing. */
static void
follow_url(CdcWorld *world)
{
	CdcSdn	   *sdn = &world->sdn;

	if (cdc_same(sdn->url, cdc_sdn_url))
		return;
	cdc_set_string(world->context, &sdn->url, cdc_sdn_url);
	cdc_set_string(world->context, &sdn->error, NULL);
	forget_list(sdn);
	sdn->reachable = CDC_UNKNOWN;
	sdn->denied = false;
	sdn->listed_at = 0;
	cdc_sdn_changed(world);
	sdn->listing = false;		/* an answer of the former finds another start time */
}

static void
list_ended(CdcWorld *world, int64 started, char *error, bool denied)
{
	CdcSdn	   *sdn = &world->sdn;

	sdn->listing = false;
	sdn->listed_at = started;
	sdn->reachable = error ? CDC_NO : CDC_YES;
	sdn->denied = denied;
	cdc_set_string(world->context, &sdn->error, error);
	if (error == NULL)
		note_pairs(world);
	cdc_plan_ready_waiting(world);
}

typedef struct CdcListLook
{
	CdcWorld   *world;
	int64		started;
	char		service_id[CDC_UUID_LEN + 1];	/* of a look at its network */
	CdcSdnReader *reader;		/* of the list, as it comes */
} CdcListLook;

static void
free_look(CdcListLook *look)
{
	cdc_sdn_reader_free(look->reader);
	pfree(look);
}

static CdcListLook *
make_look(CdcWorld *world, const char *service_id)
{
	CdcListLook *look = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcListLook));

	look->world = world;
	look->started = cdc_loop_now();
	strlcpy(look->service_id, service_id, sizeof(look->service_id));
	return look;
}

static const char no_list[] = "%s: the answer is no list of network peerings";

static void
list_done(const CdcHttpResult *result, void *arg)
{
	CdcListLook *look = arg;
	CdcWorld   *world = look->world;
	CdcSdn	   *sdn = &world->sdn;
	int64		started = look->started;
	char	   *error = NULL;
	bool		denied = false;

	if (!sdn->listing || sdn->listing_since != started)
	{
		free_look(look);
		return;
	}
	if (result->outcome == CDC_HTTP_ANSWERED && result->status == 200)
	{
		MemoryContext old = MemoryContextSwitchTo(world->context);
		CdcSdnList *list = cdc_sdn_reader_list(look->reader);

		MemoryContextSwitchTo(old);
		if (list)
		{
			forget_list(sdn);
			sdn->list = list;
			sdn->good_at = started;
		}
		else
			error = psprintf(no_list, sdn->url);
	}
	else if (cdc_sdn_reader_failed(look->reader))
		error = psprintf(no_list, sdn->url);
	else
		error = fault_of(result, sdn->url, &denied);
	list_ended(world, started, error, denied);
	free_look(look);
}

static int64
list_due(const CdcWorld *world)
{
	const CdcSdn *sdn = &world->sdn;
	int64		pace = (cdc_loop_now() - sdn->changed_at) / PACE_GROWTH;

	pace = Max(pace, PACE_DENSE_MS);
	pace = Min(pace, Min(PACE_SPARSE_MS, Max(cdc_health_interval / 2, PACE_DENSE_MS)));
	return sdn->listed_at == 0 ? 0 : sdn->listed_at + pace;
}

/* Starts a GET; an error (palloc'd) when that is not possible now. */
static const char *
get(const char *collection, const char *id, CdcHttpDone done, CdcListLook *look)
{
	CdcHttpRequest request;
	CdcSdnCredentials credentials;
	const char *error;
	char	   *url = cdc_sdn_url_of(cdc_sdn_url, collection, id);

	memset(&request, 0, sizeof(request));
	request.method = CDC_HTTP_GET;
	request.url = url;
	if (look->reader)
	{
		request.consume = cdc_sdn_reader_feed;
		request.consumed = look->reader;
		request.consume_max = LIST_MAX;
	}
	error = cdc_reach_sdn(&request, &credentials);
	if (error == NULL && cdc_http_start(&request, done, look) == NULL)
		error = "out of memory";
	cdc_sdn_wipe(&credentials);
	pfree(url);
	if (error)
		free_look(look);
	return error;
}

static void
want_list(CdcWorld *world)
{
	CdcSdn	   *sdn = &world->sdn;
	CdcListLook *look;
	const char *error;

	follow_url(world);
	if (!cdc_network_configured() || sdn->listing)
		return;
	if (cdc_loop_now() < list_due(world))
	{
		cdc_sdn_want_list(world, true);
		return;
	}
	cdc_sdn_want_list(world, false);
	look = make_look(world, "");
	look->reader = cdc_sdn_reader_new();
	if (look->reader == NULL)
	{
		pfree(look);
		cdc_sdn_want_list(world, true);
		return;
	}
	sdn->listing = true;
	sdn->listing_since = look->started;
	error = get("network-peering", NULL, list_done, look);
	if (error)
		list_ended(world, sdn->listing_since, pstrdup(error), false);
}

static void
set_ranges(CdcService *sink, char **ranges, int n)
{
	if (!cdc_service_keep_ranges(sink, ranges, n))
		return;
	cdc_registered_cidrs(sink);
	cdc_world_ready_all(sink);
}

static void
network_ended(CdcService *service, int64 started, const char *error)
{
	service->network_asking = false;
	service->network_at = started;
	cdc_set_string(service->context, &service->network_error, error);
	if (error)
		service->network_labelled = CDC_UNKNOWN;
	cdc_network_tell_owner(service);
	cdc_world_ready_waiting(service);
}

/* A network as it is at the cloud: whose it is, and where addresses in it lie. */
static void
network_done(const CdcHttpResult *result, void *arg)
{
	CdcListLook *look = arg;
	CdcService *service = cdc_world_service(look->world, look->service_id);
	char	   *error = NULL;
	bool		denied;
	int			n = 0;

	if (service && service->network_asking)
	{
		if (result->outcome == CDC_HTTP_ANSWERED && result->status == 200)
		{
			char	  **ranges = cdc_sdn_parse_ranges(result->body, &n);

			service->network_labelled = cdc_sdn_network_is_of(result->body, service->organization_id) ? CDC_YES : CDC_NO;
			if (cdc_network_gives_ranges(service))
			{
				if (ranges)
					set_ranges(service, ranges, n);
				cdc_set_string(service->context, &service->kafka.ranges_error, ranges ? NULL :
							   psprintf("network %s shows no address range: give it one, or register the sink with connect_cidrs",
										service->network_id));
			}
		}
		else
			error = psprintf("network %s cannot be looked at: %s", service->network_id,
							 fault_of(result, look->world->sdn.url, &denied));
		network_ended(service, look->started, error);
	}
	pfree(look);
}

static void
want_network(CdcService *service)
{
	CdcListLook *look;
	const char *error;

	if (service->network_asking)
		return;
	look = make_look(service->world, service->id);
	service->network_asking = true;
	error = get("network", service->network_id, network_done, look);
	if (error)
		network_ended(service, cdc_loop_now(), error);
}

/* Was the pair active by a list that no change has followed? */
static bool
seen_active(const CdcPair *pair)
{
	const CdcSdnPeering *ab;
	const CdcSdnPeering *ba;

	return cdc_pair_seen(pair, &ab, &ba) &&
		cdc_sdn_judge(pair->a, pair->b, ab, ba, pair->installation).peerings == CDC_PEERINGS_ACTIVE;
}

/* Is the service's network known as far as a pipeline needs it, by a look that began since then? */
static bool
network_known(CdcService *service, int64 since)
{
	bool		lacks_ranges = cdc_network_gives_ranges(service) && service->kafka.nranges == 0;

	if (service == NULL || !(lacks_ranges || cdc_network_needs_label(service)) || service->network_at >= since)
		return true;
	want_network(service);
	return false;
}

bool
cdc_network_observe(CdcPipeline *p)
{
	CdcPair    *pair = cdc_network_to_wire(p) ? cdc_pair_make(p->world, p->source->network_id, p->sink->network_id) : NULL;
	CdcSdn	   *sdn = &p->world->sdn;
	bool		all = true;
	bool		known;

	if (pair == NULL && !cdc_network_gives_ranges(p->sink))
		return true;
	if (pair && sdn->listed_at < Max(p->plan.network_since, pair->changed_at))
	{
		want_list(p->world);
		/* events flow, or would: a slow SDN API holds up nothing else */
		all = cdc_is_up(p) || seen_active(pair);
	}
	known = network_known(p->source, p->plan.network_since);
	known = network_known(p->sink, p->plan.network_since) && known;
	return all && (known || cdc_is_up(p));
}

void
cdc_network_round(CdcWorld *world)
{
	CdcService *s;

	if (!cdc_network_configured())
		return;
	if (world->pairs != NIL)
		want_list(world);
	cdc_each_service(s, world)
		cdc_network_look(s);
}

void
cdc_network_look(CdcService *service)
{
	if (cdc_network_configured() && (cdc_network_gives_ranges(service) || cdc_network_needs_label(service)))
		want_network(service);
}

void
cdc_network_observe_due(CdcWorld *world)
{
	if (cdc_network_configured() && world->loaded && world->sdn.list_wanted)
		want_list(world);
}

int64
cdc_network_observe_next(const CdcWorld *world)
{
	/* while a list is wanted or under way, that is what is waited for */
	return cdc_network_configured() && world->sdn.list_wanted && !world->sdn.listing ? list_due(world) : 0;
}
