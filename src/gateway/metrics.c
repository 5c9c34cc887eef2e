/*
 * metrics.c
 *	  What the gateway counts about itself.
 */
#include "gateway/metrics.h"

#include "gateway/client.h"
#include "gateway/openapi.h"
#include "gateway/peer.h"
#include "gateway/pool.h"

#define STATUSES 600

static const double bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

static uint64 requests[OPENAPI_ROUTES][STATUSES];
static uint64 within[OPENAPI_ROUTES][lengthof(bounds)];
static uint64 counts[OPENAPI_ROUTES];
static double sums[OPENAPI_ROUTES];

void
metrics_count(int route, int status, uint64 microseconds)
{
	double		seconds = (double) microseconds / 1000000;
	size_t		i;

	if (status >= 0 && status < STATUSES)
		requests[route][status]++;
	for (i = 0; i < lengthof(bounds) && seconds > bounds[i]; i++)
		;
	if (i < lengthof(bounds))
		within[route][i]++;
	counts[route]++;
	sums[route] += seconds;
}

void
metrics_print(StringInfo to)
{
	int			route;
	int			status;

	appendStringInfoString(to, "# HELP cdc_http_requests_total Requests that the gateway answered, by route of the API's document.\n"
						   "# TYPE cdc_http_requests_total counter\n");
	for (route = 0; route < openapi_count(); route++)
	{
		for (status = 0; status < STATUSES; status++)
		{
			if (requests[route][status] > 0)
				appendStringInfo(to, "cdc_http_requests_total{route=\"%s\",code=\"%d\"} " UINT64_FORMAT "\n",
								 openapi_template(route), status, requests[route][status]);
		}
	}
	appendStringInfoString(to, "# HELP cdc_http_request_seconds From a request's first byte read to the end of its answer.\n"
						   "# TYPE cdc_http_request_seconds histogram\n");
	for (route = 0; route < openapi_count(); route++)
	{
		uint64		sum = 0;
		size_t		i;

		if (counts[route] == 0)
			continue;
		for (i = 0; i < lengthof(bounds); i++)
		{
			sum += within[route][i];
			appendStringInfo(to, "cdc_http_request_seconds_bucket{route=\"%s\",le=\"%g\"} " UINT64_FORMAT "\n",
							 openapi_template(route), bounds[i], sum);
		}
		appendStringInfo(to, "cdc_http_request_seconds_bucket{route=\"%s\",le=\"+Inf\"} " UINT64_FORMAT "\n"
						 "cdc_http_request_seconds_sum{route=\"%s\"} %.6f\n"
						 "cdc_http_request_seconds_count{route=\"%s\"} " UINT64_FORMAT "\n",
						 openapi_template(route), counts[route], openapi_template(route), sums[route],
						 openapi_template(route), counts[route]);
	}
	appendStringInfo(to, "# TYPE cdc_http_connections gauge\ncdc_http_connections %d\n"
					 "# TYPE cdc_http_database_sessions gauge\ncdc_http_database_sessions %d\n"
					 "# TYPE cdc_http_waiting gauge\ncdc_http_waiting %d\n"
					 "# TYPE cdc_http_memory_bytes gauge\ncdc_http_memory_bytes %zu\n",
					 client_count(), pool_sessions(), pool_waiting(), peer_memory());
}
