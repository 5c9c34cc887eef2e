/*
 * fence.h
 *	  Which control plane may still change something here.
 *
 * A control plane says its installation and its epoch with every change.  The
 * highest epoch of each installation is kept in the state directory; a change
 * with a lower one comes from a server that has been replaced.
 */
#ifndef CDC_AGENT_FENCE_H
#define CDC_AGENT_FENCE_H

#include "common/base.h"

/* Reads what is kept in the state directory. */
extern bool agent_fence_init(int state_fd, char **error);

/*
 * May this epoch change something?  A higher one than known is written down
 * first.  False: *known is the epoch that was seen before, or 0 and *error says
 * why it could not be written.
 */
extern bool agent_fence_pass(const char *installation, int64 epoch, int64 *known, char **error);

/* The highest epoch seen of an installation, 0: none. */
extern int64 agent_fence_epoch(const char *installation);

#endif							/* CDC_AGENT_FENCE_H */
