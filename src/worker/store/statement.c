/*
 * statement.c
 *	  Statements on the metadata that come again and again; see store_parts.h.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/memutils.h"

#include "worker/store/store_parts.h"

typedef struct Statement
{
	const char *sql;			/* by its address */
	SPIPlanPtr	plan;
	struct Statement *next;
} Statement;

static Statement *statements;

static SPIPlanPtr
plan_of(const char *sql, int nargs, const Oid *types)
{
	Statement  *s;
	SPIPlanPtr	plan;

	for (s = statements; s; s = s->next)
	{
		if (s->sql == sql)
			return s->plan;
	}
	plan = SPI_prepare(sql, nargs, (Oid *) types);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_prepare returned %s for: %.60s", SPI_result_code_string(SPI_result), sql);
	s = MemoryContextAlloc(TopMemoryContext, sizeof(Statement));
	s->sql = sql;
	s->plan = plan;
	s->next = statements;
	statements = s;
	return plan;
}

void
cdc_statement_run(const char *sql, int expected, int nargs, const Oid *types, const Datum *values, const char *nulls)
{
	int			rc = SPI_execute_plan(plan_of(sql, nargs, types), (Datum *) values, nulls, false, 0);

	if (rc != expected)
		elog(ERROR, "SPI_execute_plan returned %s for: %.60s", SPI_result_code_string(rc), sql);
}
