/*
 * limits.h
 *	  What one organization may have and use: the kinds, and what holds for those
 *	  of which cdc.organization_limit says nothing.  And how many of them a role makes.
 *
 * Owns the list of kinds and their settings cdc_pipeline.organization_<kind>.  Who
 * counts, and what happens above a limit, is others': what is stored is refused at
 * the door (organizations_limits.c), what the worker holds waits there.
 */
#ifndef CDC_LIMITS_H
#define CDC_LIMITS_H

/* In the order of their names. */
typedef enum CdcLimit
{
	CDC_LIMIT_DESCRIPTORS,		/* that the worker holds for it */
	CDC_LIMIT_EVENTS,			/* stored */
	CDC_LIMIT_FINDINGS,			/* stored */
	CDC_LIMIT_MEMBERS,			/* and invitations */
	CDC_LIMIT_MEMORY,			/* MB of answers that the worker reads for it */
	CDC_LIMIT_NODES,			/* of all its services */
	CDC_LIMIT_ORGANIZATIONS,	/* that a role has made */
	CDC_LIMIT_PIPELINES,		/* those that are being deleted too */
	CDC_LIMIT_REQUESTS,			/* of the worker's, under way */
	CDC_LIMIT_SERVICES,			/* those that are being deleted too */
	CDC_LIMIT_TABLES,			/* that one pipeline names */
	CDC_LIMIT_TOKENS,			/* that are good; those for all of a role's: of the role */
	CDC_LIMITS
} CdcLimit;

typedef struct CdcLimitKind
{
	const char *name;			/* in cdc.organization_limit */
	const char *setting;
	int			boot;			/* the setting's default */
	const char *words;			/* what it is, for pg_settings and cdc.organization_limits() */
	bool		of_role;		/* of no organization, so cdc.organization_limit has none */
} CdcLimitKind;

extern const CdcLimitKind cdc_limit_kinds[CDC_LIMITS];

/* The setting's value, at least 0. */
extern int	cdc_limit_default(CdcLimit kind);

/* The kind of this name; CDC_LIMITS when there is none. */
extern CdcLimit cdc_limit_by_name(const char *name);

/* Defines the settings; called from cdc_settings_init(). */
extern void cdc_limits_init(void);

#endif							/* CDC_LIMITS_H */
