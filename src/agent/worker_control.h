/*
 * worker_control.h
 *	  The Kafka Connect worker on this host: look at it, restart it.
 *
 * Blocks; called by the job's thread and by the answer to GET /v1/worker.
 */
#ifndef CDC_AGENT_WORKER_CONTROL_H
#define CDC_AGENT_WORKER_CONTROL_H

#include "agent/config.h"

typedef struct AgentWorkerLook
{
	bool		answers;		/* its REST interface gave a list of plugins */
	bool		lists;			/* ... with the class at the version */
	char	   *error;			/* why it does not answer; NULL */
} AgentWorkerLook;

/* Asks the worker; class and version may be NULL (any).  At most 2 s. */
extern void agent_worker_look(const AgentConfig *config, const char *class, const char *version, AgentWorkerLook *look);

/*
 * Runs restart_command in a process group of its own, its output into a file of
 * the state directory.  False, *error with its last line, when there is none,
 * or it fails, or it has not ended within restart_timeout (it is killed then).
 */
extern bool agent_worker_restart(const AgentConfig *config, int state_fd, char **error);

#endif							/* CDC_AGENT_WORKER_CONTROL_H */
