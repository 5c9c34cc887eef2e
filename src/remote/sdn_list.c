/*
 * sdn_list.c
 *	  The SDN API's list of peerings, read as it comes.
 *
 * See sdn.h.  An account may have thousands, and whatever answers may send
 * anything: of each peering what is asked of it is kept, cut, and no more.
 */
#include "remote/sdn.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/json_pieces.h"
#include "common/text.h"

/* Of one peering: its text, and how deep the whole may be; it has some 600 bytes. */
#define PEERING_MAX (64 * 1024)
#define DEPTH_MAX 16
/* What is kept of a word: an id, a state. */
#define WORD_MAX 255

/* Of all: more than any account may have. */
#define PEERINGS_MAX 20000

struct CdcSdnReader
{
	CdcJsonPieces *pieces;
	struct json_object *all;	/* an array of peerings, reduced */
	int			unread;			/* members of which it is not known between which networks they are */
};

static const struct
{
	const char *name;
	CdcSdnState state;
}			states[] =
{
	{"provisioning", CDC_SDN_PROVISIONING},
	{"pending-peer", CDC_SDN_PENDING_PEER},
	{"active", CDC_SDN_ACTIVE},
	{"disabled", CDC_SDN_DISABLED},
	{"peer-disabled", CDC_SDN_PEER_DISABLED},
	{"conflict-subnet", CDC_SDN_CONFLICT_SUBNET},
	{"missing-local-router", CDC_SDN_MISSING_LOCAL_ROUTER},
	{"missing-peer-router", CDC_SDN_MISSING_PEER_ROUTER},
	{"deleted-peer-network", CDC_SDN_DELETED_PEER_NETWORK},
	{"error", CDC_SDN_ERROR},
};

static CdcSdnState
state_of(const char *name)
{
	int			i;

	for (i = 0; name != NULL && i < (int) lengthof(states); i++)
	{
		if (strcmp(states[i].name, name) == 0)
			return states[i].state;
	}
	return CDC_SDN_OTHER;
}

static void
keep(struct json_object *kept, const char *key, const char *word)
{
	cdc_json_add_word(kept, key, word, WORD_MAX);
}

/* May there be one more? */
static bool
has_room(const CdcSdnReader *reader)
{
	return json_object_array_length(reader->all) + reader->unread < PEERINGS_MAX;
}

/* One that is no peering, or too large for one, costs what it may be about: see cdc_sdn_tells(). */
static bool
skipped(const char *begin, size_t length, void *arg)
{
	CdcSdnReader *reader = arg;

	reader->unread++;
	return has_room(reader);
}

/* One of the list; false: there are too many. */
static bool
take(struct json_object *item, size_t length, void *arg)
{
	CdcSdnReader *reader = arg;
	struct json_object *kept;
	const char *local = cdc_json_string(cdc_json_get(item, "network"), "uuid");
	const char *peer = cdc_json_string(cdc_json_get(item, "peer_network"), "uuid");

	if (local == NULL || peer == NULL)
		return skipped(NULL, length, reader);
	if (!has_room(reader))
		return false;
	kept = json_object_new_object();

	keep(kept, "uuid", cdc_json_string(item, "uuid"));
	keep(kept, "local", local);
	keep(kept, "peer", peer);
	keep(kept, "state", cdc_json_string(item, "state"));
	keep(kept, "configured", cdc_json_string(item, "configured_status"));
	keep(kept, "owner", cdc_sdn_label(item, CDC_SDN_LABEL));
	if (json_object_array_add(reader->all, kept) != 0)
	{
		json_object_put(kept);
		return false;
	}
	return true;
}

static const CdcJsonPiecesOf peerings = {.open = '[', .path = {"network_peerings", "network_peering"},
	.piece_max = PEERING_MAX, .depth_max = DEPTH_MAX, .skipped = skipped, .take = take};

CdcSdnReader *
cdc_sdn_reader_new(void)
{
	CdcSdnReader *reader = calloc(1, sizeof(CdcSdnReader));

	if (reader == NULL)
		return NULL;
	reader->all = json_object_new_array();
	reader->pieces = cdc_json_pieces_new(&peerings, reader);
	if (reader->all && reader->pieces)
		return reader;
	cdc_sdn_reader_free(reader);
	return NULL;
}

void
cdc_sdn_reader_free(CdcSdnReader *reader)
{
	if (reader == NULL)
		return;
	json_object_put(reader->all);
	cdc_json_pieces_free(reader->pieces);
	free(reader);
}

bool
cdc_sdn_reader_feed(const char *data, size_t length, void *arg)
{
	return cdc_json_pieces_feed(((CdcSdnReader *) arg)->pieces, data, length);
}

bool
cdc_sdn_reader_failed(const CdcSdnReader *reader)
{
	return cdc_json_pieces_failed(reader->pieces);
}

static void
read_peering(struct json_object *kept, CdcSdnPeering *peering)
{
	const char *configured = cdc_json_string(kept, "configured");

	peering->uuid = cdc_json_string(kept, "uuid");
	peering->local = cdc_json_string(kept, "local");
	peering->peer = cdc_json_string(kept, "peer");
	peering->wants_disabled = configured != NULL && strcmp(configured, "disabled") == 0;
	peering->state_name = cdc_json_string(kept, "state");
	peering->state = state_of(peering->state_name);
	peering->owner = cdc_json_string(kept, "owner");
	/* its id is to be a part of URLs */
	peering->unread = !cdc_text_is_uuid(peering->uuid) || peering->state_name == NULL;
}

CdcSdnList *
cdc_sdn_reader_list(CdcSdnReader *reader)
{
	CdcSdnList *list;
	int			i;

	if (reader->all == NULL || !cdc_json_pieces_whole(reader->pieces))
		return NULL;
	list = palloc0(sizeof(CdcSdnList));
	list->body = reader->all;
	reader->all = NULL;
	list->n = (int) json_object_array_length(list->body);
	list->unread = reader->unread;
	list->items = palloc0(sizeof(CdcSdnPeering) * (list->n + 1));
	for (i = 0; i < list->n; i++)
		read_peering(json_object_array_get_idx(list->body, i), &list->items[i]);
	return list;
}

CdcSdnList *
cdc_sdn_parse_list(const char *body)
{
	CdcSdnReader *reader = cdc_sdn_reader_new();
	CdcSdnList *list = NULL;

	if (reader && body && cdc_sdn_reader_feed(body, strlen(body), reader))
		list = cdc_sdn_reader_list(reader);
	cdc_sdn_reader_free(reader);
	return list;
}

void
cdc_sdn_list_free(CdcSdnList *list)
{
	if (list == NULL)
		return;
	json_object_put(list->body);
	pfree(list->items);
	pfree(list);
}

bool
cdc_sdn_tells(const CdcSdnList *list, const CdcSdnPeering *ab, const CdcSdnPeering *ba)
{
	bool		active = (ab && ab->state == CDC_SDN_ACTIVE) || (ba && ba->state == CDC_SDN_ACTIVE);

	if ((ab && ab->unread) || (ba && ba->unread))
		return false;
	return list->unread == 0 || active || (ab && ba);
}

const CdcSdnPeering *
cdc_sdn_find(const CdcSdnList *list, const char *local, const char *peer)
{
	int			i;

	for (i = 0; list != NULL && i < list->n; i++)
	{
		if (strcasecmp(list->items[i].local, local) == 0 && strcasecmp(list->items[i].peer, peer) == 0)
			return &list->items[i];
	}
	return NULL;
}
