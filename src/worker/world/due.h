/*
 * due.h
 *	  Records that are due at a time, each once: the earliest first.
 *
 * A record has a CdcDue in it; a heap of one kind of record has those that are planned.
 * Whoever owns the record puts it in and takes it out (lib/pairingheap.h), and changes
 * its time only while it is out.  No errors but those of memory.
 */
#ifndef CDC_DUE_H
#define CDC_DUE_H

#include "postgres.h"
#include "lib/pairingheap.h"

typedef struct CdcDue
{
	pairingheap_node node;
	int64		at;				/* loop time */
} CdcDue;

/* A heap of none, in the current context. */
extern pairingheap * cdc_dues_create(void);

/* The first one, left where it is; NULL: there is none.  When it is due; 0: there is none. */
extern CdcDue *cdc_dues_first(pairingheap * dues);
extern int64 cdc_dues_next(pairingheap * dues);

/* The record that it is in. */
#define cdc_due_of(type, member, due) ((type *) ((char *) (due) - offsetof(type, member)))

#endif							/* CDC_DUE_H */
