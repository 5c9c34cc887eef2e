/*
 * service_kept.c
 *	  See service_kept.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/index.h"
#include "worker/world/service_kept.h"

void
cdc_service_fill(CdcService *s, const char *status, const char *message, const char *addon_status,
				 uint64 system_identifier, const char *secret_path)
{
	cdc_set_string(s->context, &s->status, status);
	cdc_set_string(s->context, &s->status_message, message);
	cdc_set_string(s->context, &s->kafka.addon_status, addon_status);
	cdc_set_string(s->context, &s->kafka.secret_path, secret_path);
	s->pg.system_identifier = system_identifier;
}

static void
add_claim(CdcService *s, const char *peer)
{
	MemoryContext old = MemoryContextSwitchTo(s->context);

	s->kafka.claimed = lappend(s->kafka.claimed, pstrdup(peer));
	MemoryContextSwitchTo(old);
}

void
cdc_service_fill_claimed(CdcService *s, char *const *peers, int n)
{
	int			i;

	for (i = 0; i < n; i++)
		add_claim(s, peers[i]);
}

void
cdc_service_fill_ranges(CdcService *s, char *const *ranges, int n)
{
	int			i;

	for (i = 0; i < s->kafka.nranges; i++)
		pfree(s->kafka.ranges[i]);
	if (s->kafka.ranges)
		pfree(s->kafka.ranges);
	s->kafka.ranges = MemoryContextAllocZero(s->context, sizeof(char *) * Max(n, 1));
	for (i = 0; i < n; i++)
		s->kafka.ranges[i] = MemoryContextStrdup(s->context, ranges[i]);
	s->kafka.nranges = n;
}

void
cdc_node_fill(CdcNode *n, uint64 system_identifier, uint32 timeline, const char *hba_loaded)
{
	n->system_identifier = system_identifier;
	n->timeline = timeline;
	cdc_set_string(n->service->context, &n->hba_loaded, hba_loaded);
}

/* The string that is set may be the one that is there. */
static bool
keep_string(CdcService *s, char **where, const char *value)
{
	if (cdc_same(*where, value))
		return false;
	cdc_set_string(s->context, where, value);
	return true;
}

bool
cdc_service_keep_status(CdcService *s, const char *status, const char *addon_status, const char *message)
{
	bool		other_status = keep_string(s, &s->status, status);
	bool		other_addon = keep_string(s, &s->kafka.addon_status, addon_status);
	bool		other_message = keep_string(s, &s->status_message, message);

	if (other_status || other_addon)
		cdc_world_ready_all(s);
	if (!other_status && !other_addon && !other_message)
		return false;
	cdc_dirty_service(s, CDC_ROW_SERVICE);
	return true;
}

void
cdc_service_keep_system(CdcService *s, uint64 system_identifier)
{
	s->pg.system_identifier = system_identifier;
	cdc_dirty_service(s, CDC_ROW_SERVICE);
}

void
cdc_service_keep_claim(CdcService *s, const char *peer)
{
	add_claim(s, peer);
	cdc_dirty_service(s, CDC_ROW_SERVICE);
}

bool
cdc_service_keep_ranges(CdcService *s, char *const *ranges, int n)
{
	bool		same = n == s->kafka.nranges;
	int			i;

	for (i = 0; same && i < n; i++)
		same = strcmp(ranges[i], s->kafka.ranges[i]) == 0;
	if (same)
		return false;
	cdc_service_fill_ranges(s, ranges, n);
	cdc_dirty_service(s, CDC_ROW_SERVICE);
	return true;
}

void
cdc_service_keep_secret_path(CdcService *s, const char *path)
{
	cdc_set_string(s->context, &s->kafka.secret_path, path);
	s->kafka.secret_path_new = true;
	cdc_dirty_service(s, CDC_ROW_SERVICE);
}

void
cdc_node_keep_history(CdcNode *n, uint64 system_identifier, uint32 timeline)
{
	if (n->system_identifier == system_identifier && n->timeline == timeline)
		return;
	n->system_identifier = system_identifier;
	n->timeline = timeline;
	cdc_dirty_node(n);
}

void
cdc_node_keep_hba_loaded(CdcNode *n)
{
	cdc_set_string(n->service->context, &n->hba_loaded, n->hba_hash);
	cdc_dirty_node(n);
}

void
cdc_node_forget_hba_loaded(CdcNode *n)
{
	cdc_set_string(n->service->context, &n->hba_loaded, NULL);
	cdc_dirty_node(n);
}

void
cdc_service_written(CdcService *s)
{
	int			i;

	s->kafka.secret_path_new = false;
	for (i = 0; i < s->kafka.nagents; i++)
		s->kafka.agents[i].fence.adopted = false;
	s->made.host_fence.adopted = false;
}
