/*
 * http.h
 *	  One request of the agent to somebody's REST interface.
 *
 * Blocks.  Knows nothing of who is asked: method, body and credentials are
 * options that the caller has set.
 */
#ifndef CDC_AGENT_HTTP_H
#define CDC_AGENT_HTTP_H

#include "common/base.h"

#include <curl/curl.h>

typedef struct AgentAnswer
{
	long		status;			/* 0: none came */
	size_t		max;			/* bytes of body that are taken */
	StringInfoData body;		/* pfree(body.data) by the caller, always */
} AgentAnswer;

/*
 * Sends it and cleans easy up.  True: it was answered, with whatever status;
 * else *error (palloc'd) says why not.
 */
extern bool agent_http(CURL *easy, const char *url, long timeout_ms, size_t max, AgentAnswer *answer, char **error);

#endif							/* CDC_AGENT_HTTP_H */
