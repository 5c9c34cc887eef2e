/*
 * known.c
 *	  Tokens that were right lately.
 */
#include "gateway/known.h"

#include "gateway/address.h"
#include "gateway/loop.h"

#define WHILE (60 * (uint64) 1000000)
#define ROWS 1024
#define PLACES 4

typedef struct Entry
{
	uint64		key;			/* 0: free */
	uint64		at;
} Entry;

static Entry table[ROWS][PLACES];

/* The token's entry; else, with make, the oldest of its row, taken for it. */
static Entry *
find(const char *token, bool make)
{
	uint64		key = address_key_of('t', token, strlen(token));
	Entry	   *row = table[key % ROWS];
	Entry	   *oldest = &row[0];
	int			i;

	for (i = 0; i < PLACES; i++)
	{
		if (row[i].key == key)
			return &row[i];
		if (row[i].at < oldest->at)
			oldest = &row[i];
	}
	if (!make)
		return NULL;
	oldest->key = key;
	return oldest;
}

bool
known_has(const char *token)
{
	const Entry *entry = find(token, false);

	return entry != NULL && loop_now - entry->at < WHILE;
}

void
known_add(const char *token)
{
	find(token, true)->at = loop_now;
}

void
known_remove(const char *token)
{
	Entry	   *entry = find(token, false);

	if (entry != NULL)
		memset(entry, 0, sizeof(*entry));
}
