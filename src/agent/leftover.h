/*
 * leftover.h
 *	  What a service's user owns where everybody may leave something: shared
 *	  temporary directories, and System V's memory, semaphores and queues.
 *
 * Knows no service.  Where the agent is not root all is its own user's, and
 * nothing is looked for.
 */
#ifndef CDC_AGENT_LEFTOVER_H
#define CDC_AGENT_LEFTOVER_H

#include "common/base.h"

#include <sys/types.h>

/* Is there something?  Then whoever is given the id next would have it. */
extern bool agent_leftover_any(uid_t uid);

/*
 * Removes it, as that user: what is another's stays, whatever names lead there.
 * None of its processes may live.  False: something is left.
 */
extern bool agent_leftover_remove(uid_t uid, gid_t gid);

#endif							/* CDC_AGENT_LEFTOVER_H */
