/*
 * source_columns.h
 *	  What Debezium makes of the columns of captured tables: one query that looks at
 *	  them for many pipelines at once, and the reading of its answer.
 *
 * No I/O.  What is looked at here changes by DDL alone, so it is asked for less
 * often than what source.h looks at.  Works on PostgreSQL 14 to 18.  Results are
 * palloc'd in the current context.
 */
#ifndef CDC_SOURCE_COLUMNS_H
#define CDC_SOURCE_COLUMNS_H

#include "common/base.h"
#include <json-c/json.h>
#include "remote/source.h"

/*
 * The text of the single parameter (JSON) of cdc_source_columns_sql, which returns
 * one row, one JSON text as bytea.  Of each ask id, database, tables and options are read.
 */
extern char *cdc_source_columns_ask(const CdcSourceAsk *asks, int n);
extern const char *const cdc_source_columns_sql;

/*
 * What the answer says of each pipeline: calls take; told: a JSON
 * text that cdc_source_columns_read reads, NULL where there is nothing to tell.  False:
 * it makes no sense, nothing was called.
 */
typedef struct CdcSourceColumnsAnswer
{
	const char *pipeline_id;
	const char *told;
	int64		mark;			/* another one when a row of pg_class or pg_namespace of its tables
								 * is; 0: it names none */
	int64		now_us;			/* clock_timestamp of the server */
} CdcSourceColumnsAnswer;

typedef void (*CdcSourceColumnsTake) (const CdcSourceColumnsAnswer *answer, void *arg);
extern bool cdc_source_columns_parse(const char *json, CdcSourceColumnsTake take, void *arg);

/* Most tables of which a configuration says how their snapshot is read. */
#define CDC_SOURCE_PARENTS_MAX 1000

/* Lists are for people, "public.t.c (numeric), ... and 3 more"; NULL: there are none. */
typedef struct CdcSourceColumns
{
	const char *numbers;		/* numeric and money that a double does not hold, in no key */
	const char *key_numbers;	/* the same, in a key */
	const char *key_lost;		/* of types that are the same in every key, or in none */
	const char *unreadable;		/* of a type by which the driver fails */
	const char *left_out;		/* of types that Debezium leaves out */
	const char *stream_differs; /* that are empty or missing in the stream alone */
	const char *flattened;		/* arrays that are declared with more than one dimension */
	int			nparents;		/* plain tables that others inherit from, at most
								 * CDC_SOURCE_PARENTS_MAX + 1 */
	const char **parents;		/* "schema"."table" */
} CdcSourceColumns;

/* What was told of a pipeline. */
extern CdcSourceColumns *cdc_source_columns_read(const char *told);

#endif							/* CDC_SOURCE_COLUMNS_H */
