/*
 * api.h
 *	  The agent's API under /v1: a checked request in, a status and JSON out.
 *
 * Knows no HTTP server.  docs/agent.md describes every path.
 */
#ifndef CDC_AGENT_API_H
#define CDC_AGENT_API_H

#include "agent/config.h"
#include "agent/request.h"

#define AGENT_VERSION "1"

typedef struct AgentAnswer
{
	int			status;
	char	   *body;			/* JSON, palloc'd */
} AgentAnswer;

extern void agent_api_init(const AgentConfig *config);

/* Answers a request; any thread.  May take 2 s (GET /v1/worker), else no peer is waited for. */
extern AgentAnswer agent_api_answer(const AgentRequest *request);

/* {"error": words} with this status; words must be free of secrets. */
extern AgentAnswer agent_api_refuse(int status, const char *words);

#endif							/* CDC_AGENT_API_H */
