/*
 * base.h
 *	  The first include of files that serve the server and plain programs.
 *
 * With FRONTEND (unit tests, gateway, agent) palloc and StringInfo come from
 * libpgcommon; otherwise from the server.
 */
#ifndef CDC_BASE_H
#define CDC_BASE_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif
#include "lib/stringinfo.h"

/* Before a declaration, where 18 wants it and older ones take it. */
#ifndef pg_noreturn
#define pg_noreturn pg_attribute_noreturn()
#endif

#endif							/* CDC_BASE_H */
