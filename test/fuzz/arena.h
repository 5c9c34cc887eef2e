/*
 * arena.h
 *	  palloc and its kin for fuzz targets of code that leaves its memory to a
 *	  context: each piece is malloc's own, so that sanitizers see its bounds, and all are
 *	  freed by arena_reset(), so that what leaks is a leak of something else.
 *
 * In place of fe_memutils.c of libpgcommon.  Included once a program.
 */
#ifndef CDC_FUZZ_ARENA_H
#define CDC_FUZZ_ARENA_H

#include "postgres_fe.h"

#include <stddef.h>

typedef struct ArenaPiece
{
	struct ArenaPiece *next;
	struct ArenaPiece *previous;
	long double data[];			/* aligned for anything */
} ArenaPiece;

static ArenaPiece arena = {&arena, &arena};

static ArenaPiece *
piece_of(void *data)
{
	return (ArenaPiece *) ((char *) data - offsetof(ArenaPiece, data));
}

static void *
arena_link(ArenaPiece *piece)
{
	if (piece == NULL)
		abort();
	piece->next = arena.next;
	piece->previous = &arena;
	arena.next->previous = piece;
	arena.next = piece;
	return piece->data;
}

static ArenaPiece *
arena_unlink(void *data)
{
	ArenaPiece *piece = piece_of(data);

	piece->next->previous = piece->previous;
	piece->previous->next = piece->next;
	return piece;
}

static void
arena_reset(void)
{
	while (arena.next != &arena)
		free(arena_unlink(arena.next->data));
}

void *
palloc(Size size)
{
	return arena_link(malloc(offsetof(ArenaPiece, data) + size));
}

void *
palloc0(Size size)
{
	return arena_link(calloc(1, offsetof(ArenaPiece, data) + size));
}

void *
palloc_extended(Size size, int flags)
{
	return (flags & MCXT_ALLOC_ZERO) ? palloc0(size) : palloc(size);
}

void
pfree(void *data)
{
	free(arena_unlink(data));
}

void *
repalloc(void *data, Size size)
{
	return arena_link(realloc(arena_unlink(data), offsetof(ArenaPiece, data) + size));
}

char *
pnstrdup(const char *in, Size size)
{
	size_t		length = strnlen(in, size);
	char	   *copy = palloc(length + 1);

	memcpy(copy, in, length);
	copy[length] = '\0';
	return copy;
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

void *
pg_malloc(size_t size)
{
	return palloc(size);
}

void *
pg_malloc0(size_t size)
{
	return palloc0(size);
}

void *
pg_malloc_extended(size_t size, int flags)
{
	return palloc_extended(size, flags);
}

void *
pg_realloc(void *data, size_t size)
{
	return data ? repalloc(data, size) : palloc(size);
}

char *
pg_strdup(const char *in)
{
	return pstrdup(in);
}

void
pg_free(void *data)
{
	if (data)
		pfree(data);
}

#endif							/* CDC_FUZZ_ARENA_H */
