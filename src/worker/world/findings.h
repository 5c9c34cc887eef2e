/*
 * findings.h
 *	  What is wrong or weak with a service or a pipeline: rows of cdc.finding.
 *
 * Whoever looks at something tells, each time, whether a finding holds; the row
 * is made, kept or taken away by that.  One row a matter: the same owner, node
 * and check_name are the same row, whose "since" stays while it holds.  Rows
 * are read when their owner is loaded, so a restart neither loses nor flaps
 * any: a row goes when its check says that it does not hold, not before.
 */
#ifndef CDC_FINDINGS_H
#define CDC_FINDINGS_H

#include "worker/world/world.h"

typedef enum CdcConcern
{
	CDC_CONCERN_FLOW,			/* rows do not flow, or not as they are */
	CDC_CONCERN_SAFETY,
	CDC_CONCERN_COST
} CdcConcern;

/* The one about a failover that has not happened: cdc.check_health tells it all the same. */
#define CDC_STANDBY_UNREADY "standby_unready"

typedef enum CdcSeverity
{
	CDC_SEVERITY_BLOCKER,
	CDC_SEVERITY_WARNING,
	CDC_SEVERITY_INFO
} CdcSeverity;

/* Strings are the caller's and are copied; they are made one-line, valid and short. */
typedef struct CdcFinding
{
	const char *check_name;		/* lower case, underscores: "connect_cidrs_wide" */
	CdcConcern	concern;
	CdcSeverity severity;
	const char *node;			/* "address:port" of the service, or NULL: all of it */
	const char *observed;		/* what was seen; no secret */
	const char *required;		/* what would be right */
	const char *why;			/* what comes of it */
	const char *fix_sql;		/* cdc_quote_format()'s, or NULL */
	bool		past;			/* about what has happened: ends with a resync or
								 * cdc.acknowledge(), not by itself */
} CdcFinding;

/* What a peer said: sql/rights.sql shows it to admins alone. */
#define CDC_PEER_SAID "peer_said"

/* A transaction holds a row of the owner's, so that it is not written. */
#define CDC_ROW_HELD "row_held"

/* A URL as a place: without credentials, palloc'd. */
extern char *cdc_peer_place(const char *url);

/*
 * Tells whether a finding holds.  Of one that does not, only check_name and node
 * are read.  Costs a few comparisons when nothing changed; what did is written
 * with the next turn.  No errors.
 */
extern void cdc_finding_service(CdcService *service, const CdcFinding *finding, bool holds);
extern void cdc_finding_pipeline(CdcPipeline *pipeline, const CdcFinding *finding, bool holds);

/* What was seen of the one of this name that holds, NULL: none does. */
extern const char *cdc_finding_observed(const List *findings, const char *check_name);

/* Is there one of this name now? */
extern bool cdc_finding_holds(const List *findings, const char *check_name);

/*
 * For the store alone.  A row as it is kept: its strings are the owner's; dirty
 * until the turn that wrote it has committed, gone once it does not hold.
 */
typedef struct CdcFindingRow
{
	CdcFinding	is;
	bool		dirty;
	bool		gone;
} CdcFindingRow;

extern const char *cdc_concern_name(CdcConcern concern);
extern const char *cdc_severity_name(CdcSeverity severity);

/* Rows of one owner (JSON array of cdc.finding, or NULL) in place of those in memory. */
struct json_object;
extern void cdc_findings_load_service(CdcService *service, struct json_object *rows);
extern void cdc_findings_load_pipeline(CdcPipeline *pipeline, struct json_object *rows);

/* After a commit, of one owner: written rows are clean, those that are gone are forgotten. */
extern void cdc_findings_written_service(CdcService *service);
extern void cdc_findings_written_pipeline(CdcPipeline *pipeline);

#endif							/* CDC_FINDINGS_H */
