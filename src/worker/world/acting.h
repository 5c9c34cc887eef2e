/*
 * acting.h
 *	  Which control plane acts, as far as this one knows.
 */
#ifndef CDC_ACTING_H
#define CDC_ACTING_H

#include "common/mark.h"

/* Writer: worker/store. */
typedef struct CdcFence
{
	CdcEpoch	ours;
	CdcEpoch	highest;		/* that was seen, authentic. Writer: worker/world */
	char	   *key;			/* of marks; NULL: it cannot be had. Never logged. Writer: worker/world */
	char	   *sealed;			/* that it is the key of, hexadecimal; NULL */
	char	   *key_error;		/* why not */
} CdcFence;

#endif							/* CDC_ACTING_H */
