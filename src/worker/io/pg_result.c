/*
 * pg_result.c
 *	  See pg_result.h.  No I/O: looks at what libpq has read.
 */
#include "worker/io/pg_result.h"

#include <string.h>

#include "libpq-fe.h"

#include "common/text.h"

static bool
is_digits(const char *value, const char *digits, size_t most)
{
	size_t		n = strspn(value, digits);

	return n > 0 && n <= most && value[n] == '\0';
}

static bool
is_lsn(const char *value)
{
	static const char hexadecimal[] = "0123456789ABCDEFabcdef";
	size_t		n = strspn(value, hexadecimal);

	return n > 0 && n <= 8 && value[n] == '/' && is_digits(value + n + 1, hexadecimal, 8);
}

static bool
is_of(CdcPgType type, const char *value)
{
	switch (type)
	{
		case CDC_PG_BOOL:
			return strcmp(value, "t") == 0 || strcmp(value, "f") == 0;
		case CDC_PG_COUNT:
			return is_digits(value, "0123456789", 18);
		case CDC_PG_LSN:
			return is_lsn(value);
		case CDC_PG_TEXT:
		case CDC_PG_BYTES:
			break;
	}
	return true;
}

bool
cdc_pg_fits(void *pgresult, const CdcPgShape *shape, char *why, size_t size)
{
	PGresult   *r = pgresult;
	int			row;
	int			column;

	if (shape == NULL)
		return true;
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
	{
		snprintf(why, size, "the answer has no rows where %d were asked for", shape->min_rows);
		return shape->min_rows == 0 && shape->ncolumns == 0;
	}
	if (PQnfields(r) != shape->ncolumns)
	{
		snprintf(why, size, "the answer has %d columns where %d were asked for", PQnfields(r), shape->ncolumns);
		return false;
	}
	if (PQntuples(r) < shape->min_rows || PQntuples(r) > shape->max_rows)
	{
		snprintf(why, size, "the answer has %d rows where %d to %d were asked for", PQntuples(r), shape->min_rows, shape->max_rows);
		return false;
	}
	for (column = 0; column < shape->ncolumns; column++)
	{
		if (PQfformat(r, column) != (shape->columns[column].type == CDC_PG_BYTES ? 1 : 0))
		{
			snprintf(why, size, "column %d of the answer is in a format that was not asked for", column + 1);
			return false;
		}
		for (row = 0; row < PQntuples(r); row++)
		{
			bool		null = PQgetisnull(r, row, column);

			if (null && shape->columns[column].may_be_null)
				continue;
			if (null)
			{
				snprintf(why, size, "column %d of the answer is NULL", column + 1);
				return false;
			}
			if (shape->columns[column].max > 0 && PQgetlength(r, row, column) > shape->columns[column].max)
			{
				snprintf(why, size, "column %d of the answer has %d bytes where at most %d were asked for", column + 1,
						 PQgetlength(r, row, column), shape->columns[column].max);
				return false;
			}
			/* the memory is the result's own, and nobody else reads it */
			cdc_text_clean(PQgetvalue(r, row, column), (size_t) PQgetlength(r, row, column));
			if (!is_of(shape->columns[column].type, PQgetvalue(r, row, column)))
			{
				snprintf(why, size, "column %d of the answer is not of the type that was asked for", column + 1);
				return false;
			}
		}
	}
	return true;
}

int
cdc_pg_ntuples(const CdcPgResult *result)
{
	return result->outcome == CDC_PG_OK && result->shape && result->pgresult ? PQntuples(result->pgresult) : 0;
}

bool
cdc_pg_isnull(const CdcPgResult *result, int row, int column)
{
	return row < 0 || row >= cdc_pg_ntuples(result) || column < 0 || column >= result->shape->ncolumns ||
		PQgetisnull(result->pgresult, row, column);
}

const char *
cdc_pg_value(const CdcPgResult *result, int row, int column)
{
	return cdc_pg_isnull(result, row, column) ? "" : PQgetvalue(result->pgresult, row, column);
}
