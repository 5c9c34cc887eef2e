/*
 * provision.h
 *	  The agent in provisioning mode: services that are ordered, looked at and
 *	  taken away.
 *
 * An order is on disk before anything is made; a thread a service makes it
 * true and keeps it true until it is taken back.
 */
#ifndef CDC_AGENT_PROVISION_H
#define CDC_AGENT_PROVISION_H

#include "agent/config.h"

#include <json-c/json.h>

/* Opens services_dir and goes on with every service in it. */
extern bool agent_provision_init(const AgentConfig *config, char **error);

/*
 * Takes an order, idempotently.  0, or the HTTP status to refuse it with and
 * *error.
 */
extern int	agent_provision_put(const char *id, struct json_object *order, char **error);

/* Takes an order back; what was made goes.  One that is not there is gone. */
extern bool agent_provision_delete(const char *id, char **error);

/*
 * A service as JSON; NULL when there is none, with *error (palloc'd) when its order cannot be
 * read.  All of them, those too.  Put by the caller.
 */
extern struct json_object *agent_provision_object(const char *id, char **error);
extern struct json_object *agent_provision_list(void);

/* {"postgresql": [majors], "kafka": [versions]} that can be made here. */
extern struct json_object *agent_provision_versions(void);

#endif							/* CDC_AGENT_PROVISION_H */
