/*
 * pair.c
 *	  Records of pairs of networks.
 *
 * See pair.h.  Owns their allocation and look-up; asks nobody, decides nothing.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "extension/settings.h"
#include "worker/world/index.h"
#include "worker/world/pair.h"

/* Sorts the names of two networks. */
static void
in_order(const char **one, const char **other)
{
	const char *first = *one;

	if (strcmp(first, *other) <= 0)
		return;
	*one = *other;
	*other = first;
}

static CdcPair *
find(const CdcWorld *world, const char *a, const char *b)
{
	ListCell   *cell;

	in_order(&a, &b);
	foreach(cell, world->pairs)
	{
		CdcPair    *pair = lfirst(cell);

		if (strcmp(pair->a, a) == 0 && strcmp(pair->b, b) == 0)
			return pair;
	}
	return NULL;
}

CdcPair *
cdc_pair_make(CdcWorld *world, const char *a, const char *b)
{
	CdcPair    *pair = find(world, a, b);
	MemoryContext old;

	if (pair)
		return pair;
	in_order(&a, &b);
	old = MemoryContextSwitchTo(world->context);
	pair = palloc0(sizeof(CdcPair));
	pair->world = world;
	cdc_turn_create(&pair->turn, world, CDC_PAIR_TURN);
	strlcpy(pair->a, a, sizeof(pair->a));
	strlcpy(pair->b, b, sizeof(pair->b));
	if (world->installation)
		pair->installation = pstrdup(world->installation);
	world->pairs = lappend(world->pairs, pair);
	MemoryContextSwitchTo(old);
	return pair;
}

void
cdc_pair_forget(CdcPair *pair)
{
	MemoryContext context = pair->world->context;

	cdc_written(pair->world, &pair->dirty);
	cdc_turn_close(&pair->turn);
	pair->world->pairs = list_delete_ptr(pair->world->pairs, pair);
	cdc_set_string(context, &pair->state_ab, NULL);
	cdc_set_string(context, &pair->state_ba, NULL);
	cdc_set_string(context, &pair->installation, NULL);
	cdc_set_string(context, &pair->error, NULL);
	cdc_set_string(context, &pair->refused, NULL);
	pfree(pair);
}

bool
cdc_network_configured(void)
{
	return cdc_sdn_url != NULL && cdc_sdn_url[0] != '\0';
}

bool
cdc_network_gives_ranges(const CdcService *sink)
{
	return sink && sink->is_kafka && sink->kafka.cidrs_from_urls && sink->network_id && cdc_network_configured();
}

bool
cdc_network_needs_label(const CdcService *service)
{
	return service && service->network_id && !service->network_assigned && cdc_network_configured();
}

bool
cdc_network_is_owned(const CdcService *s)
{
	return !cdc_network_needs_label(s) || s->network_labelled == CDC_YES;
}

char *
cdc_network_owner_missing(const CdcService *s)
{
	return psprintf("nobody has said that network %s of service \"%s\" is this organization's: give it the label " CDC_SDN_OWNER_LABEL " = %s at the cloud, "
					"or have a superuser SELECT cdc.assign_network('%s', '%s')",
					s->network_id, s->name, s->organization_id, s->network_id, s->organization_id);
}

bool
cdc_network_to_wire(const CdcPipeline *p)
{
	return cdc_network_configured() && p->source && p->sink && p->source->network_id && p->sink->network_id &&
		strcmp(p->source->network_id, p->sink->network_id) != 0;
}

CdcPair *
cdc_pair_of(const CdcPipeline *p)
{
	return cdc_network_to_wire(p) ? find(p->world, p->source->network_id, p->sink->network_id) : NULL;
}

bool
cdc_pair_seen(const CdcPair *pair, const CdcSdnPeering **ab, const CdcSdnPeering **ba)
{
	const CdcSdn *sdn = &pair->world->sdn;

	if (sdn->list == NULL || sdn->good_at < pair->changed_at)
		return false;
	*ab = cdc_sdn_find(sdn->list, pair->a, pair->b);
	*ba = cdc_sdn_find(sdn->list, pair->b, pair->a);
	return true;
}

bool
cdc_pair_is_needed(const CdcPair *pair)
{
	bool		a = false;
	bool		b = false;
	CdcService *s;

	cdc_each_service(s, pair->world)
	{
		if (s->made.taken_back)
			continue;
		a = a || cdc_same(s->network_id, pair->a);
		b = b || cdc_same(s->network_id, pair->b);
	}
	return a && b;
}

bool
cdc_pair_joined(const CdcService *s)
{
	ListCell   *cell;

	if (!cdc_network_configured())
		return false;
	foreach(cell, s->world->pairs)
	{
		CdcPair    *pair = lfirst(cell);

		if ((cdc_same(s->network_id, pair->a) || cdc_same(s->network_id, pair->b)) && pair->stored && !pair->parted && !pair->gone)
			return true;
	}
	return false;
}

void
cdc_pair_changed(CdcPair *pair)
{
	pair->changed_at = cdc_loop_now();
	pair->world->sdn.changed_at = pair->changed_at;
}
