/*
 * pair.c
 *	  Records of pairs of networks.
 *
 * See pair.h.  Owns their allocation and look-up; asks nobody, decides nothing.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "extension/settings.h"
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

/* The key of a pair, its networks in order. */
typedef struct PairKey
{
	char		a[CDC_UUID_LEN + 1];
	char		b[CDC_UUID_LEN + 1];
} PairKey;

typedef struct PairEntry
{
	PairKey		key;
	CdcPair    *pair;
} PairEntry;

typedef struct Network
{
	char		id[CDC_UUID_LEN + 1];
	int			nservices;		/* that need it */
} Network;

void
cdc_pairs_create(CdcWorld *world)
{
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(PairKey);
	ctl.entrysize = sizeof(PairEntry);
	ctl.hcxt = world->context;
	world->by_pair = hash_create("cdc_pipeline pairs of networks", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.keysize = CDC_UUID_LEN + 1;
	ctl.entrysize = sizeof(Network);
	world->by_network = hash_create("cdc_pipeline networks", 32, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

static PairKey
key_of(const char *a, const char *b)
{
	PairKey		key;

	memset(&key, 0, sizeof(key));
	in_order(&a, &b);
	strlcpy(key.a, a, sizeof(key.a));
	strlcpy(key.b, b, sizeof(key.b));
	return key;
}

static CdcPair *
find(const CdcWorld *world, const char *a, const char *b)
{
	PairKey		key = key_of(a, b);
	PairEntry  *entry = hash_search(world->by_pair, &key, HASH_FIND, NULL);

	return entry ? entry->pair : NULL;
}

/* Services need it, or need it no longer: pairs of it are seen to. */
static void
count_network(CdcService *s, bool needs)
{
	Network    *network;
	bool		found;

	if (needs == s->needs_network)
		return;
	s->needs_network = needs;
	network = hash_search(s->world->by_network, s->network_id, HASH_ENTER, &found);
	if (!found)
		network->nservices = 0;
	network->nservices += needs ? 1 : -1;
	if (network->nservices == 0)
		hash_search(s->world->by_network, s->network_id, HASH_REMOVE, NULL);
	cdc_pairs_see(s->world, 0);
}

void
cdc_network_join(CdcService *s)
{
	if (s->network_id)
		count_network(s, true);
}

void
cdc_network_leave(CdcService *s)
{
	count_network(s, false);
}

void
cdc_world_take_back(CdcService *s, bool taken)
{
	s->made.taken_back = taken;
	if (taken)
		cdc_network_leave(s);
	else
		cdc_network_join(s);
}

static bool
is_needed(const CdcWorld *world, const char *network)
{
	return hash_search(world->by_network, network, HASH_FIND, NULL) != NULL;
}

CdcPair *
cdc_pair_make(CdcWorld *world, const char *a, const char *b)
{
	CdcPair    *pair = find(world, a, b);
	PairKey		key;
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
	cdc_pairs_see(world, 0);
	MemoryContextSwitchTo(old);
	key = key_of(a, b);
	((PairEntry *) hash_search(world->by_pair, &key, HASH_ENTER, NULL))->pair = pair;
	return pair;
}

void
cdc_pair_forget(CdcPair *pair)
{
	MemoryContext context = pair->world->context;
	PairKey		key = key_of(pair->a, pair->b);

	hash_search(pair->world->by_pair, &key, HASH_REMOVE, NULL);
	cdc_written(pair->world, &pair->dirty);
	cdc_turn_close(&pair->turn);
	pair->world->pairs = list_delete_ptr(pair->world->pairs, pair);
	cdc_set_string(context, &pair->state_ab, NULL);
	cdc_set_string(context, &pair->state_ba, NULL);
	cdc_set_string(context, &pair->installation, NULL);
	cdc_set_string(context, &pair->error, NULL);
	if (pair->refused)
		pfree(pair->refused);
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
	return cdc_sdn_tells(sdn->list, *ab, *ba);
}

const char *
cdc_pair_unread(const CdcPair *pair)
{
	const CdcSdn *sdn = &pair->world->sdn;
	const CdcSdnPeering *ab;
	const CdcSdnPeering *ba;

	if (sdn->list == NULL || sdn->good_at < pair->changed_at || cdc_pair_seen(pair, &ab, &ba))
		return NULL;
	return "the SDN API's list of network peerings has one that is not understood, which may be between these networks";
}

bool
cdc_pair_is_needed(const CdcPair *pair)
{
	return is_needed(pair->world, pair->a) && is_needed(pair->world, pair->b);
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
	cdc_sdn_changed(pair->world);
}

void
cdc_sdn_want_list(CdcWorld *world, bool wanted)
{
	world->sdn.list_wanted = wanted;
}

void
cdc_sdn_changed(CdcWorld *world)
{
	world->sdn.changed_at = cdc_loop_now();
}

void
cdc_pair_fill(CdcPair *pair, const char *installation, const char *peering_ab, const char *peering_ba, const char *state_ab,
			  const char *state_ba, const char *error, TimestampTz waiting_since, TimestampTz mutated_at)
{
	MemoryContext context = pair->world->context;

	pair->stored = true;
	if (installation)
		cdc_set_string(context, &pair->installation, installation);
	strlcpy(pair->peering_ab, peering_ab ? peering_ab : "", sizeof(pair->peering_ab));
	strlcpy(pair->peering_ba, peering_ba ? peering_ba : "", sizeof(pair->peering_ba));
	cdc_set_string(context, &pair->state_ab, state_ab);
	cdc_set_string(context, &pair->state_ba, state_ba);
	cdc_set_string(context, &pair->error, error);
	pair->waiting_since = waiting_since;
	pair->mutated_at = mutated_at;
}

/* A pair that nobody has written a row for is none of ours, as far as is known. */
static void
mark(CdcPair *pair)
{
	if (pair->stored)
		cdc_dirty_pair(pair);
}

static void
keep_direction(CdcPair *pair, const CdcSdnPeering *peering, char *uuid, char **state)
{
	const char *id = peering ? peering->uuid : "";
	const char *name = peering ? peering->state_name : NULL;

	if (strncmp(uuid, id, CDC_UUID_LEN) == 0 && cdc_same(*state, name))
		return;
	strlcpy(uuid, id, CDC_UUID_LEN + 1);
	cdc_set_string(pair->world->context, state, name);
	mark(pair);
}

void
cdc_pair_keep_directions(CdcPair *pair, const CdcSdnPeering *ab, const CdcSdnPeering *ba)
{
	keep_direction(pair, ab, pair->peering_ab, &pair->state_ab);
	keep_direction(pair, ba, pair->peering_ba, &pair->state_ba);
}

void
cdc_pair_keep_error(CdcPair *pair, const char *words)
{
	if (cdc_same(pair->error, words))
		return;
	cdc_set_string(pair->world->context, &pair->error, words);
	mark(pair);
}

void
cdc_pair_keep_waiting(CdcPair *pair, bool waiting)
{
	if (waiting == (pair->waiting_since != 0))
		return;
	pair->waiting_since = waiting ? GetCurrentTimestamp() : 0;
	mark(pair);
}

void
cdc_pair_keep_mutated(CdcPair *pair)
{
	pair->mutated_at = GetCurrentTimestamp();
	cdc_dirty_pair(pair);
}

int
cdc_pair_met_conflict(CdcPair *pair)
{
	return ++pair->conflicts;
}

void
cdc_pair_end_conflicts(CdcPair *pair)
{
	pair->conflicts = 0;
}

void
cdc_pairs_see(CdcWorld *world, int64 at)
{
	world->pairs_due = at;
}

void
cdc_pair_written(CdcPair *pair)
{
	cdc_pairs_see(pair->world, 0);
	if (pair->gone)
		cdc_pair_forget(pair);
	else
		pair->stored = true;
}
