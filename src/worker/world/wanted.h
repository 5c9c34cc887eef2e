/*
 * wanted.h
 *	  What a pipeline wants outside: role, configuration, pg_hba lines, verifier.
 */
#ifndef CDC_WANTED_H
#define CDC_WANTED_H

#include "remote/pg_hba.h"
#include "worker/world/world.h"

/*
 * The role that the connector logs in as, and its password: the pipeline's
 * own, or with manage_role false the one that the source was registered with.
 * The password is NULL before it was made.
 */
extern const char *cdc_wanted_role(const CdcPipeline *pipeline);
extern const char *cdc_wanted_password(const CdcPipeline *pipeline);

/*
 * The wanted connector configuration, json_object_put by the caller; NULL when
 * it cannot be known yet (no primary, no password), or when a value may not be
 * sent: then *fault (may be NULL) says why, else it is NULL.
 */
extern struct json_object *cdc_wanted_config(const CdcPipeline *pipeline, char **fault);

/* Another number when that, but for its mark, is another one, without building it; 0: it cannot be known yet. */
extern uint64 cdc_wanted_digest(const CdcPipeline *pipeline);

/*
 * The tables of which a snapshot reads no rows of children, *n of them; for this visit,
 * not to be freed.  What a connector that is there was told, unless a new snapshot is due.
 */
extern const char **cdc_wanted_only(const CdcPipeline *pipeline, int *n);

/* The tables that it captures, as "schema"."table", a JSON array of the caller's; empty: all tables. */
extern struct json_object *cdc_wanted_tables(const CdcPipeline *pipeline);

/* A file that each Connect host must have for a pipeline. */
typedef struct CdcWantedFile
{
	char	   *name;
	const char *value;			/* NULL: not made yet; never logged */
	bool		certificate;	/* of the source's CA; else the password */
} CdcWantedFile;

#define CDC_MAX_WANTED_FILES 2

/* Fills files; how many there are.  The password is the first. */
extern int	cdc_wanted_files(const CdcPipeline *pipeline, CdcWantedFile *files);

/*
 * Those that have the source's event triggers in common with a pipeline, itself not
 * included; palloc'd.  staying: only those that are not being deleted, or whose
 * publication was seen.
 */
extern List *cdc_wanted_trigger_sharers(const CdcPipeline *pipeline, bool staying);

/* The pg_hba lines of a pipeline, one a CIDR; palloc'd. */
extern CdcHbaLine *cdc_wanted_hba_lines(const CdcPipeline *pipeline, int *n);

/* The hash of the lines in this pg_hba.conf that are of a source's pipelines,
 * those being deleted included; palloc'd, "" when there is none. */
extern char *cdc_wanted_hba_hash(const CdcService *source, const char *file);

/* This is the connector role's verifier from now on (copied), NULL: it has none. */
extern void cdc_wanted_set_verifier(CdcPipeline *pipeline, const char *verifier);

/* What the connector role's password hash must be on the source, in hex; NULL
 * before a password was made. */
extern const char *cdc_wanted_verifier_hash(const CdcPipeline *pipeline);

#endif							/* CDC_WANTED_H */
