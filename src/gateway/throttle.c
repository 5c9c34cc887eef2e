/*
 * throttle.c
 *	  Counts failed logins by address and by role.
 *
 * A fixed table, eight places a row: an attacker with many addresses (an IPv6
 * network counts as one by its first 64 bits) can push others' counts out, and
 * by that gains what he had without them.
 */
#include "gateway/throttle.h"

#include <netinet/in.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "gateway/loop.h"

#define FAILURES 5
#define WINDOW (60 * (uint64) 1000000)
#define PENALTY 1000000
#define ROWS 4096
#define PLACES 8

typedef struct Entry
{
	uint64		key;			/* 0: free */
	uint64		failed[FAILURES];	/* a ring of the last times */
	int			next;
} Entry;

static Entry table[ROWS][PLACES];

/* Not guessable, so that rows cannot be filled on purpose. */
static uint64
key_of(char kind, const void *bytes, size_t length)
{
	static unsigned char salt[16];
	static bool salted = false;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	SHA256_CTX	context;
	uint64		key;

	if (!salted)
	{
		if (RAND_bytes(salt, sizeof(salt)) != 1)
			abort();
		salted = true;
	}
	SHA256_Init(&context);
	SHA256_Update(&context, salt, sizeof(salt));
	SHA256_Update(&context, &kind, 1);
	SHA256_Update(&context, bytes, length);
	SHA256_Final(digest, &context);
	memcpy(&key, digest, sizeof(key));
	return key != 0 ? key : 1;
}

static uint64
address_key(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return key_of('4', &((const struct sockaddr_in *) address)->sin_addr, 4);
	if (address->sa_family == AF_INET6)
	{
		const struct in6_addr *in6 = &((const struct sockaddr_in6 *) address)->sin6_addr;

		if (IN6_IS_ADDR_V4MAPPED(in6))
			return key_of('4', in6->s6_addr + 12, 4);
		return key_of('6', in6, 8);
	}
	return key_of('u', "", 0);
}

static Entry *
find(uint64 key, bool make)
{
	Entry	   *row = table[key % ROWS];
	Entry	   *oldest = &row[0];
	int			i;

	for (i = 0; i < PLACES; i++)
	{
		if (row[i].key == key)
			return &row[i];
		if (row[i].failed[(row[i].next + FAILURES - 1) % FAILURES] < oldest->failed[(oldest->next + FAILURES - 1) % FAILURES])
			oldest = &row[i];
	}
	if (!make)
		return NULL;
	memset(oldest, 0, sizeof(*oldest));
	oldest->key = key;
	return oldest;
}

/* The oldest of the last five failures is younger than the window. */
static bool
hot(const Entry *entry)
{
	uint64		oldest;

	if (entry == NULL)
		return false;
	oldest = entry->failed[entry->next];
	return oldest != 0 && loop_now - oldest < WINDOW;
}

static bool
count(uint64 key)
{
	Entry	   *entry = find(key, true);
	bool		was_hot = hot(entry);

	entry->failed[entry->next] = loop_now;
	entry->next = (entry->next + 1) % FAILURES;
	return was_hot;
}

uint64
throttle_failed(const struct sockaddr *address, const char *role)
{
	bool		wait = count(address_key(address));

	if (role != NULL && count(key_of('r', role, strlen(role))))
		wait = true;
	return wait ? PENALTY : 0;
}

bool
throttle_is_hot(const struct sockaddr *address, const char *role)
{
	return hot(find(address_key(address), false)) ||
		(role != NULL && hot(find(key_of('r', role, strlen(role)), false)));
}
