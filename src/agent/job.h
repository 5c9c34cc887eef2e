/*
 * job.h
 *	  The one thing at a time that the agent does by itself: install or remove
 *	  a plugin, restart the worker.
 *
 * A job is a file in the state directory, written before each step, so that an
 * agent that was killed goes on where it was.  A plugin is swapped in one step;
 * the former one is kept until the restarted worker lists the new one, and put
 * back when it does not.
 *
 *	 checking -> downloading -> extracting -> swapping -> restarting -> waiting -> done
 *												 any of these -> restoring -> failed
 */
#ifndef CDC_AGENT_JOB_H
#define CDC_AGENT_JOB_H

#include "agent/config.h"
#include "agent/request.h"

#include <json-c/json.h>

/* How an ask for a job ended. */
typedef enum AgentAsk
{
	AGENT_ASK_STARTED,			/* or the same one is under way already */
	AGENT_ASK_BUSY,				/* another job is under way */
	AGENT_ASK_FAULT				/* *error says why */
} AgentAsk;

/*
 * Opens plugin_dir and state_dir, reads the last job and starts the thread,
 * which goes on with an unfinished one.  False, *error set, when the two are
 * not on one filesystem, or another agent uses the state directory.
 */
extern bool agent_job_init(const AgentConfig *config, char **error);

/* The state directory's descriptor, for others who keep something there. */
extern int	agent_job_state_dir(void);

/*
 * Asks for what request says: AGENT_PUT_PLUGIN, AGENT_DELETE_PLUGIN or
 * AGENT_RESTART_WORKER.  Returns at once; the intent is on disk then.
 */
extern AgentAsk agent_job_ask(const AgentRequest *request, char **error);

/* The present or last job as JSON, NULL when there never was one; put by the caller. */
extern struct json_object *agent_job_object(void);

/* What is in plugin_dir, as a JSON array; put by the caller. */
extern struct json_object *agent_job_plugins(char **error);

#endif							/* CDC_AGENT_JOB_H */
