/*
 * peer.c
 *	  What an address holds here.
 *
 * A hash table of chains whose entries are counted references: it has no more
 * of them than there are connections and requests.
 */
#include "gateway/peer.h"

#include "lib/ilist.h"

#include "gateway/address.h"
#include "gateway/config.h"

#define BUCKETS 4096
#define SHARE 4					/* one address may have this part of the memory */

struct Peer
{
	dlist_node	in_bucket;
	uint64		key;
	int			references;
	int			connections;
	int			logins;
	size_t		bytes;
};

static dlist_head buckets[BUCKETS]; /* zeroed: empty lists */
static size_t all;				/* bytes */

static Peer *
find(uint64 key)
{
	dlist_head *bucket = &buckets[key % BUCKETS];
	dlist_iter	iter;

	if (bucket->head.next == NULL)
		return NULL;
	dlist_foreach(iter, bucket)
	{
		Peer	   *peer = dlist_container(Peer, in_bucket, iter.cur);

		if (peer->key == key)
			return peer;
	}
	return NULL;
}

Peer *
peer_get(const struct sockaddr *address)
{
	uint64		key = address_key(address);
	Peer	   *peer = find(key);

	if (peer == NULL)
	{
		peer = pg_malloc0(sizeof(Peer));
		peer->key = key;
		dlist_push_head(&buckets[key % BUCKETS], &peer->in_bucket);
	}
	peer->references++;
	return peer;
}

void
peer_put(Peer *peer)
{
	if (--peer->references > 0)
		return;
	dlist_delete(&peer->in_bucket);
	pg_free(peer);
}

int
peer_connect(Peer *peer)
{
	return ++peer->connections;
}

void
peer_disconnect(Peer *peer)
{
	peer->connections--;
}

int
peer_connections(const struct sockaddr *address)
{
	Peer	   *peer = find(address_key(address));

	return peer != NULL ? peer->connections : 0;
}

bool
peer_is_full(const Peer *peer, size_t bytes)
{
	size_t		most = (size_t) config.max_memory;

	return bytes > most - Min(all, most) || bytes > most / SHARE - Min(peer->bytes, most / SHARE);
}

void
peer_take(Peer *peer, size_t bytes)
{
	peer->bytes += bytes;
	all += bytes;
}

void
peer_give(Peer *peer, size_t bytes)
{
	peer->bytes -= bytes;
	all -= bytes;
}

int
peer_logins(Peer *peer, int change)
{
	peer->logins += change;
	return peer->logins;
}

size_t
peer_memory(void)
{
	return all;
}
