/*
 * throttle.c
 *	  Counts failed logins by address and by role.
 *
 * A fixed table, eight places a row: an attacker with many addresses (an IPv6
 * network counts as one by its first 64 bits) can push others' counts out, and
 * by that gains what he had without them.
 */
#include "gateway/throttle.h"

#include "gateway/address.h"
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

/* Its last failure is younger than the window. */
static bool
failed_lately(const Entry *entry)
{
	uint64		last = entry != NULL ? entry->failed[(entry->next + FAILURES - 1) % FAILURES] : 0;

	return last != 0 && loop_now - last < WINDOW;
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

	if (role != NULL && count(address_key_of('r', role, strlen(role))))
		wait = true;
	return wait ? PENALTY : 0;
}

bool
throttle_is_hot(const struct sockaddr *address, const char *role)
{
	Entry	   *its = find(address_key(address), false);

	if (hot(its))
		return true;
	/* whoever guesses at a role must not put its owner, who guesses nothing, behind himself */
	return failed_lately(its) && role != NULL && hot(find(address_key_of('r', role, strlen(role)), false));
}
