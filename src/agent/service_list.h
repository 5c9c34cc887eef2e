/*
 * service_list.h
 *	  Which services there are, where their directories are, and the lock of both.
 *
 * Owns the list and services_dir's descriptor.  Opens no service's directory,
 * starts no thread, reads no file.
 */
#ifndef CDC_AGENT_SERVICE_LIST_H
#define CDC_AGENT_SERVICE_LIST_H

#include "agent/service.h"

#define AGENT_MAX_SERVICES 256

/* Opens services_dir, which nobody else may write; false with *error. */
extern bool agent_services_open(const AgentConfig *config, char **error);

/* Its descriptor, and its path as the kernel names it. */
extern int	agent_services_dir(void);
extern const char *agent_services_path(void);

/*
 * The list's lock.  It is taken before a service's own.  What follows is called
 * under it.
 */
extern void agent_services_lock(void);
extern void agent_services_unlock(void);

extern AgentService *agent_services_find(const char *id);

/* False with *error when there is no place. */
extern bool agent_services_add(AgentService *service, char **error);
extern void agent_services_drop(const AgentService *service);

/* From *position 0 on one after the other; NULL after the last. */
extern AgentService *agent_services_next(int *position);

/* Has a service an address of the block that begins at first; has one this user id? */
extern bool agent_services_has_block(uint32 first);
extern bool agent_services_has_user(uid_t uid);

#endif							/* CDC_AGENT_SERVICE_LIST_H */
