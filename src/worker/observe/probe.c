/*
 * probe.c
 *	  What a look at a source carries.
 *
 * See observe_parts.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/observe/observe_parts.h"

CdcProbe *
cdc_probe_make(CdcService *service, const char *database, int npipelines)
{
	CdcProbe   *probe = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcProbe));

	probe->world = service->world;
	strlcpy(probe->service_id, service->id, sizeof(probe->service_id));
	probe->database = database ? MemoryContextStrdup(TopMemoryContext, database) : NULL;
	probe->started = cdc_loop_now();
	probe->pipelines = MemoryContextAllocZero(TopMemoryContext,
											  Max(npipelines, 1) * sizeof(*probe->pipelines));
	return probe;
}

void
cdc_probe_free(CdcProbe *probe)
{
	if (probe->database)
		pfree(probe->database);
	pfree(probe->pipelines);
	pfree(probe);
}

CdcSourceObs *
cdc_probe_answer(const CdcPgResult *result)
{
	int			n = cdc_pg_ntuples(result);
	const char **rows = palloc(sizeof(char *) * (n + 1));
	CdcSourceObs *obs;
	int			i;

	for (i = 0; i < n; i++)
		rows[i] = cdc_pg_value(result, i, 0);
	obs = cdc_source_parse(rows, n);
	pfree(rows);
	return obs;
}
