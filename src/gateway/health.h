/*
 * health.h
 *	  The last answer of cdc.health(), for everybody who asks for it: /health is
 *	  open to strangers, and must not be a way to keep the database busy.
 */
#ifndef CDC_GATEWAY_HEALTH_H
#define CDC_GATEWAY_HEALTH_H

#include "gateway/request.h"

/* Answers from what is known; false: it is to be asked for. */
extern bool health_answer(Request *request);

/* The database is away: what it said last is not true any more. */
extern void health_forget(void);

/* What the database has answered just now; texts are copied. */
extern void health_learn(int status, const char *headers, const char *body, size_t length);

#endif							/* CDC_GATEWAY_HEALTH_H */
