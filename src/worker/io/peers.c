/*
 * peers.c
 *	  See peers.h.
 */
#include "postgres.h"

#include "common/backoff.h"
#include "common/hashfn.h"
#include "lib/ilist.h"
#include "utils/memutils.h"

#include "worker/io/names.h"
#include "worker/io/peers.h"

#define PLACE_MAX 320
#define WORDS_MAX 1024
#define SAID_MAX 1024

struct CdcPeer
{
	char	   *key;			/* service, space, place */
	dlist_node	link;			/* of its service's, all of them in one list */
	uint64		credentials;
	bool		silent;
	int			refusals;		/* in a row */
	int			hangups;
	int64		asked_at;		/* when it was refused last */
	int64		until;			/* it is left alone, 0: it is not */
	char	   *words;
	char	   *said;
	char		sqlstate[6];
	int			status;
};

static CdcNames *peers;
static dlist_head all = DLIST_STATIC_INIT(all);

static void
key_of(const CdcOwner *owner, const char *place, char *key)
{
	snprintf(key, PLACE_MAX, "%s %s", owner->service, place);
}

/* NULL: nothing is remembered of it. */
static CdcPeer *
find(const CdcOwner *owner, const char *place)
{
	char		key[PLACE_MAX];

	key_of(owner, place, key);
	return cdc_names_find(&peers, key);
}

static CdcPeer *
make(const CdcOwner *owner, const char *place)
{
	CdcPeer    *peer = find(owner, place);
	char		key[PLACE_MAX];

	if (peer)
		return peer;
	key_of(owner, place, key);
	peer = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcPeer));
	peer->key = MemoryContextStrdup(TopMemoryContext, key);
	cdc_names_add(&peers, peer->key, peer);
	dlist_push_tail(&all, &peer->link);
	return peer;
}

static void
set(char **where, const char *words, size_t most)
{
	if (*where)
		pfree(*where);
	*where = NULL;
	if (words)
	{
		size_t		length = strnlen(words, most);

		*where = MemoryContextAlloc(TopMemoryContext, length + 1);
		memcpy(*where, words, length);
		(*where)[length] = '\0';
	}
}

static void
forget(CdcPeer *peer)
{
	dlist_delete(&peer->link);
	cdc_names_remove(&peers, peer->key);
	set(&peer->words, NULL, 0);
	set(&peer->said, NULL, 0);
	pfree(peer->key);
	pfree(peer);
}

/* What was refused was refused to others. */
static void
forget_others(CdcPeer *peer, uint64 credentials)
{
	if (peer->credentials == credentials)
		return;
	peer->credentials = credentials;
	peer->refusals = peer->hangups = 0;
	peer->until = 0;
}

static int64
pause_after(int times)
{
	return cdc_backoff_ms(times, CDC_PEER_FIRST_MS, CDC_PEER_LAST_MS);
}

bool
cdc_peers_may_ask(const CdcOwner *owner, const char *place, uint64 credentials, int64 now, CdcPeerRefusal *refusal)
{
	CdcPeer    *peer = find(owner, place);

	if (peer == NULL)
		return true;
	forget_others(peer, credentials);
	if (now >= peer->until)
		return true;
	refusal->words = peer->words ? peer->words : "";
	refusal->said = peer->said;
	refusal->sqlstate = peer->sqlstate;
	refusal->status = peer->status;
	return false;
}

bool
cdc_peers_silent(const CdcOwner *owner, const char *place)
{
	const CdcPeer *peer = find(owner, place);

	return peer && peer->silent;
}

void
cdc_peers_note_refused(const CdcOwner *owner, const char *place, uint64 credentials, int64 now, const CdcPeerRefusal *refusal)
{
	CdcPeer    *peer = make(owner, place);

	forget_others(peer, credentials);
	peer->silent = false;
	set(&peer->words, refusal->words, WORDS_MAX);
	set(&peer->said, refusal->said, SAID_MAX);
	strlcpy(peer->sqlstate, refusal->sqlstate, sizeof(peer->sqlstate));
	peer->status = refusal->status;
	peer->asked_at = now;
	/* several that were under way at once are one */
	if (now >= peer->until)
		peer->until = now + pause_after(++peer->refusals);
}

void
cdc_peers_note_hung_up(const CdcOwner *owner, const char *place, uint64 credentials, int64 now, const char *words)
{
	CdcPeer    *peer = make(owner, place);

	forget_others(peer, credentials);
	set(&peer->words, words, WORDS_MAX);
	set(&peer->said, NULL, 0);
	peer->sqlstate[0] = '\0';
	peer->status = 0;
	peer->asked_at = now;
	if (now >= peer->until)
	{
		peer->until = now + (peer->hangups == 0 ? CDC_PEER_HUNG_UP_MS : pause_after(peer->hangups));
		peer->hangups++;
	}
}

void
cdc_peers_note_silent(const CdcOwner *owner, const char *place)
{
	make(owner, place)->silent = true;
}

void
cdc_peers_note_served(const CdcOwner *owner, const char *place)
{
	CdcPeer    *peer = find(owner, place);

	if (peer)
		forget(peer);
}

void
cdc_peers_retry(const char *service, int64 now)
{
	size_t		length = service ? strlen(service) : 0;
	dlist_iter	iter;

	dlist_foreach(iter, &all)
	{
		CdcPeer    *peer = dlist_container(CdcPeer, link, iter.cur);

		if (service == NULL || (strncmp(peer->key, service, length) == 0 && peer->key[length] == ' '))
			peer->until = Min(peer->until, peer->asked_at + CDC_PEER_FIRST_MS);
	}
}

void
cdc_peers_forget(const char *service)
{
	size_t		length = strlen(service);
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &all)
	{
		CdcPeer    *peer = dlist_container(CdcPeer, link, iter.cur);

		if (strncmp(peer->key, service, length) == 0 && peer->key[length] == ' ')
			forget(peer);
	}
}

uint64
cdc_peers_credentials(const char *const *words, int n)
{
	uint64		hash = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (words[i])
			hash = hash_combine64(hash, hash_bytes_extended((const unsigned char *) words[i], strlen(words[i]), i + 1));
		else
			hash = hash_combine64(hash, i + 1);
	}
	return hash;
}
