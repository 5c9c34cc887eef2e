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

#endif							/* CDC_BASE_H */
