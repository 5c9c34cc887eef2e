/*
 * pair.h
 *	  Records of pairs of networks: found, made, forgotten.
 */
#ifndef CDC_PAIR_H
#define CDC_PAIR_H

#include "worker/world/world.h"

/*
 * The pair of two different networks, whichever is named first.  Where there is
 * none: made in the world's context when make, else NULL.
 */
extern CdcPair *cdc_pair_find(CdcWorld *world, const char *one, const char *other, bool make);

/* Takes a pair out of the world and frees it (its row is gone, or everything is forgotten). */
extern void cdc_pair_forget(CdcPair *pair);

#endif							/* CDC_PAIR_H */
