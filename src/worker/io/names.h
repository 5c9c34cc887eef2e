/*
 * names.h
 *	  Words to pointers: the one hash table of the wing io.
 *
 * The words are whoever's adds them: they stay where they are, unchanged, until they
 * are removed.  Pure but for its memory, which is TopMemoryContext's.
 */
#ifndef CDC_NAMES_H
#define CDC_NAMES_H

#include "postgres.h"

typedef struct names_hash CdcNames;

/* *names NULL: there are none yet. */
extern void *cdc_names_find(CdcNames *const *names, const char *name);

/* The name is not in it.  ERROR: out of memory, and it still is not. */
extern void cdc_names_add(CdcNames **names, const char *name, void *what);

extern void cdc_names_remove(CdcNames **names, const char *name);

#endif							/* CDC_NAMES_H */
