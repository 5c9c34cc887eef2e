/*
 * service_user.h
 *	  The user ids of services: each service of an agent that is root has one of
 *	  its own, out of the range service_uids.
 *
 * They are numbers without an entry in /etc/passwd: the range is one that neither
 * distributions nor systemd give to anybody.  Knows nothing of what a service is.
 */
#ifndef CDC_AGENT_SERVICE_USER_H
#define CDC_AGENT_SERVICE_USER_H

#include "agent/config.h"

#define AGENT_USER_PREFIX "cdc_"

/*
 * Makes the range this agent's, as long as it runs: two agents of a host would
 * give one id to two services.  False with *error.
 */
extern bool agent_user_init(const AgentConfig *config, char **error);

/*
 * Finds an id that is nobody's: used(id) is false, no process has it, nor has a
 * file, or one of System V's objects, where everybody may put one, nor (unless its name begins with cdc_) an entry
 * in the system's list of users.  False with *error when there is none.
 */
extern bool agent_user_find(bool (*used) (uid_t uid), uid_t *found, char **error);

/* Is it of the range: one service's alone? */
extern bool agent_user_is_own(const AgentConfig *config, uid_t uid);

/* Does any process have this id, in whichever of its places? */
extern bool agent_user_lives(uid_t uid);

/*
 * Kills every process of an id of the range.  True when there was none: ask
 * again.  Other ids are left alone, and true.
 */
extern bool agent_user_end(const AgentConfig *config, uid_t uid);

/*
 * Removes what an id of the range has left where everybody may leave something,
 * when none of its processes lives.  What cannot be removed is told in the log, and keeps
 * the id from being given away.
 */
extern void agent_user_clean(const AgentConfig *config, uid_t uid);

/* Is that process one of this user, by the kernel's word? */
extern bool agent_user_has(uid_t uid, pid_t pid);

#endif							/* CDC_AGENT_SERVICE_USER_H */
