/*
 * fence.h
 *	  Which control plane may still change something here.
 *
 * A control plane says its installation and its epoch with every change.  The
 * highest epoch of each installation is kept in the state directory; a change
 * with a lower one comes from a server that has been replaced.  Whether an epoch is
 * genuine the control plane alone can tell, by its mark: that is kept and given back.
 */
#ifndef CDC_AGENT_FENCE_H
#define CDC_AGENT_FENCE_H

#include "common/base.h"

/* Reads what is kept in the state directory. */
extern bool agent_fence_init(int state_fd, char **error);

/*
 * May this epoch change something?  A higher one than known is written down
 * first, with its mark (NULL: none said), of which the first CDC_TIE_LEN
 * characters decide between equal epochs; the rest means nothing here.  False: *known
 * is the epoch that was seen before, or 0 and *error says why it could not be written.
 */
extern bool agent_fence_pass(const char *installation, int64 epoch, const char *mark, int64 *known, char **error);

/*
 * Puts an epoch in the place of the known one, be it lower.  False: that is not
 * from but *known, or as above.
 */
extern bool agent_fence_adopt(const char *installation, int64 from, int64 epoch, const char *mark, int64 *known, char **error);

/* The highest epoch seen of an installation, 0: none; and its mark, palloc'd, NULL: none. */
extern int64 agent_fence_epoch(const char *installation, char **mark);

#endif							/* CDC_AGENT_FENCE_H */
