/*
 * backend.h
 *	  The few things of a server that records of the worker's world use, for a test
 *	  of its own: a heap of the first (any order will do inside), memory, a clock
 *	  that the test sets.  Everything is static to the one program.
 */
#ifndef CDC_TEST_BACKEND_H
#define CDC_TEST_BACKEND_H

#include "postgres.h"

#include <stdlib.h>

#include "lib/pairingheap.h"
#include "utils/memutils.h"
#include "worker/io/event_loop.h"

#undef printf
#undef snprintf
#include "tap.h"

static int64 now_ms = 1000;
MemoryContext CurrentMemoryContext;

int64
cdc_loop_now(void)
{
	return now_ms;
}

#ifdef USE_ASSERT_CHECKING
void
ExceptionalCondition(const char *condition, const char *file, int line)
{
	printf("# assertion %s at %s:%d\n", condition, file, line);
	abort();
}
#endif

/* Zeroed memory for the test's life; ends the program where there is none. */
static inline void *
made(size_t size)
{
	void	   *memory = calloc(1, size);

	if (memory == NULL)
		abort();
	return memory;
}

pairingheap *
pairingheap_allocate(pairingheap_comparator compare, void *arg)
{
	pairingheap *heap = made(sizeof(pairingheap));

	heap->ph_compare = compare;
	heap->ph_arg = arg;
	return heap;
}

/* A list of all, by next_sibling. */
void
pairingheap_add(pairingheap * heap, pairingheap_node * node)
{
	node->next_sibling = heap->ph_root;
	heap->ph_root = node;
}

void
pairingheap_remove(pairingheap * heap, pairingheap_node * node)
{
	pairingheap_node **at = &heap->ph_root;

	while (*at != node)
		at = &(*at)->next_sibling;
	*at = node->next_sibling;
}

pairingheap_node *
pairingheap_first(pairingheap * heap)
{
	pairingheap_node *first = heap->ph_root;
	pairingheap_node *node;

	for (node = first; node; node = node->next_sibling)
	{
		if (heap->ph_compare(node, first, heap->ph_arg) > 0)
			first = node;
	}
	return first;
}

#endif							/* CDC_TEST_BACKEND_H */
