/*
 * call_error.h
 *	  What a client is told when PostgreSQL let his role not in, or refused the
 *	  call itself.  What cdc.rest answers is none of this.
 *
 * Each function answers the request (request_error, request_unauthorized).
 */
#ifndef CDC_GATEWAY_CALL_ERROR_H
#define CDC_GATEWAY_CALL_ERROR_H

#include "gateway/request.h"

/* A login ended so, and not with LOGIN_DONE; own: it was the gateway's own role's. */
extern void call_error_login(Request *request, LoginResult result, const char *sqlstate, bool own);

/* The call ended with this SQLSTATE. */
extern void call_error_sqlstate(Request *request, const char *sqlstate);

/* The connection went while the call was under way. */
extern void call_error_lost(Request *request);

/* No host took the call. */
extern void call_error_no_database(Request *request);

#endif							/* CDC_GATEWAY_CALL_ERROR_H */
