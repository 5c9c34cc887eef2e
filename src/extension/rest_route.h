/*
 * rest_route.h
 *	  The REST API's routes, and finding the one that a request means.
 */
#ifndef CDC_REST_ROUTE_H
#define CDC_REST_ROUTE_H

#include "common/base.h"

typedef struct CdcRestRoute
{
	const char *method;			/* NULL ends the table */
	const char *path;			/* {name} is a parameter; {x_id} must be a UUID */
	const char *permission;		/* service:read, service:create, admin; pg_monitor; any:
								 * shows what the caller may see */
	const char *handler;		/* the function cdc.rest_<handler> answers */
	bool		scoped;			/* X-Active-Org-ID narrows it */
} CdcRestRoute;

/* What a method and a path mean; strings are palloc'd. */
typedef struct CdcRestTarget
{
	int			route;			/* in cdc_rest_routes */
	char	   *first;			/* first parameter, decoded; NULL: none */
	char	   *second;			/* second one */
	char	   *query;			/* after the ?; NULL: none */
} CdcRestTarget;

#define CDC_REST_NUM_ROUTES 28

extern const CdcRestRoute cdc_rest_routes[CDC_REST_NUM_ROUTES + 1];

/*
 * Finds the route; HEAD is GET.  Refuses (see below) with 404 for an unknown
 * path, 405 for a method that the path has not, 400 for a bad id or a path
 * that cannot be decoded.
 */
extern void cdc_rest_find_route(const char *method, const char *path, CdcRestTarget *target);

/*
 * Ends the request with this answer: an ERROR of SQLSTATE class HT, which
 * cdc.rest() catches.  detail, hint and field may be NULL.
 */
pg_noreturn extern void cdc_rest_refuse(int status, const char *code, const char *error,
										const char *detail, const char *hint, const char *field);

#endif							/* CDC_REST_ROUTE_H */
