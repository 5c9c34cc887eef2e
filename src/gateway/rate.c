/*
 * rate.c
 *	  How often an address may begin a TLS handshake.
 *
 * A bucket of tokens for each address, in a fixed table, a few places a row.
 */
#include "gateway/rate.h"

#include "gateway/address.h"
#include "gateway/loop.h"

#define ROWS 4096
#define PLACES 4
#define SECOND ((uint64) 1000000)

typedef struct Bucket
{
	uint64		key;			/* 0: free */
	uint64		at;				/* when it was filled last */
	uint64		tokens;			/* in millionths */
} Bucket;

static Bucket table[ROWS][PLACES];

bool
rate_take(const struct sockaddr *address, int per_second)
{
	uint64		key = address_key(address);
	uint64		most = (uint64) per_second * RATE_BURST * SECOND;
	Bucket	   *row = table[key % ROWS];
	Bucket	   *bucket = &row[0];
	int			i;

	for (i = 0; i < PLACES && row[i].key != key; i++)
	{
		if (row[i].at < bucket->at)
			bucket = &row[i];
	}
	if (i < PLACES)
		bucket = &row[i];
	else
	{
		bucket->key = key;
		bucket->at = loop_now;
		bucket->tokens = most;
	}
	bucket->tokens = Min(most, bucket->tokens + Min(loop_now - bucket->at, RATE_BURST * SECOND) * per_second);
	bucket->at = loop_now;
	if (bucket->tokens < SECOND)
		return false;
	bucket->tokens -= SECOND;
	return true;
}
