/*
 * limits.c
 *	  The kinds of limits of an organization, and their settings: one list.
 *
 * docs/configuration.md has a section for each setting.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "extension/limits.h"

/* Defaults that nobody meets who has work for it, and that leave others theirs. */
const CdcLimitKind cdc_limit_kinds[CDC_LIMITS] = {
	[CDC_LIMIT_DESCRIPTORS] = {"descriptors", "cdc_pipeline.organization_descriptors", 400,
		"Sockets and files that the reconciler holds at once for an organization."},
	[CDC_LIMIT_EVENTS] = {"events", "cdc_pipeline.organization_events", 1000000,
		"Events that are stored of an organization's pipelines, services and members; the oldest go first."},
	[CDC_LIMIT_FINDINGS] = {"findings", "cdc_pipeline.organization_findings", 50000,
		"Findings that are stored of an organization."},
	[CDC_LIMIT_MEMBERS] = {"members", "cdc_pipeline.organization_members", 1000,
		"Members and invitations of an organization."},
	[CDC_LIMIT_MEMORY] = {"memory", "cdc_pipeline.organization_memory", 256,
		"Megabytes of answers that the reconciler reads at once for an organization."},
	[CDC_LIMIT_NODES] = {"nodes", "cdc_pipeline.organization_nodes", 2000,
		"Nodes of all services of an organization."},
	[CDC_LIMIT_ORGANIZATIONS] = {"organizations", "cdc_pipeline.role_organizations", 1000,
		"Organizations that one role has made; a superuser makes as many as he will.", true},
	[CDC_LIMIT_PIPELINES] = {"pipelines", "cdc_pipeline.organization_pipelines", 20000,
		"Pipelines of an organization, those that are being deleted too."},
	[CDC_LIMIT_REQUESTS] = {"requests", "cdc_pipeline.organization_requests", 100,
		"Requests of the reconciler that are under way at once for an organization."},
	[CDC_LIMIT_SERVICES] = {"services", "cdc_pipeline.organization_services", 1000,
		"Services of an organization, those that are being deleted too."},
	[CDC_LIMIT_TABLES] = {"tables", "cdc_pipeline.organization_tables", 10000,
		"Tables that one pipeline of an organization names."},
	[CDC_LIMIT_TOKENS] = {"tokens", "cdc_pipeline.organization_tokens", 1000,
		"Bearer tokens of an organization that are good, or of a role those for all of its organizations."},
};

static int	defaults[CDC_LIMITS];

int
cdc_limit_default(CdcLimit kind)
{
	return defaults[kind];
}

CdcLimit
cdc_limit_by_name(const char *name)
{
	int			i;

	for (i = 0; i < CDC_LIMITS; i++)
	{
		if (strcmp(cdc_limit_kinds[i].name, name) == 0)
			break;
	}
	return (CdcLimit) i;
}

void
cdc_limits_init(void)
{
	int			i;

	for (i = 0; i < CDC_LIMITS; i++)
		DefineCustomIntVariable(cdc_limit_kinds[i].setting, cdc_limit_kinds[i].words,
								cdc_limit_kinds[i].of_role ? NULL : "Of one organization cdc.set_organization_limit() may say otherwise.",
								&defaults[i], cdc_limit_kinds[i].boot, 0, INT_MAX,
								PGC_SIGHUP, GUC_SUPERUSER_ONLY | (i == CDC_LIMIT_MEMORY ? GUC_UNIT_MB : 0), NULL, NULL, NULL);
}
