/*
 * pg_result.h
 *	  The one way to read what a PostgreSQL server answered.
 *
 * A question says beside its text which shape its answer has (CdcPgShape);
 * whatever else comes is no answer, and no callback sees it.  What is read by
 * these accessors is never NULL and valid text.  Knows no question.
 */
#ifndef CDC_PG_RESULT_H
#define CDC_PG_RESULT_H

#include "common/base.h"

/* What any question may bring in all, notices included: an answer is read in one step of the loop. */
#define CDC_PG_ANSWER_MAX (1024 * 1024)

typedef enum CdcPgType
{
	CDC_PG_TEXT,
	CDC_PG_BYTES,				/* a bytea that holds text: valid here, whatever the server's encoding */
	CDC_PG_BOOL,				/* t or f */
	CDC_PG_COUNT,				/* decimal digits, at most 18 */
	CDC_PG_LSN					/* hexadecimal digits, a slash, hexadecimal digits */
} CdcPgType;

#define CDC_PG_COLUMNS_MAX 4

/*
 * columns[0 .. ncolumns - 1].  max: bytes of one value, 0: what the answer may
 * have.  A shape with CDC_PG_BYTES has that one column, and is for a question
 * with parameters.
 */
typedef struct CdcPgShape
{
	int			min_rows;
	int			max_rows;
	int			ncolumns;
	struct
	{
		CdcPgType	type;
		bool		may_be_null;
		int			max;
	}			columns[CDC_PG_COLUMNS_MAX];
} CdcPgShape;

typedef enum CdcPgOutcome
{
	CDC_PG_OK,
	CDC_PG_REFUSED,				/* no connection: the statement was not sent */
	CDC_PG_ERROR,				/* the server's ERROR, sqlstate is set */
	CDC_PG_LOST,				/* connection lost, deadline passed or nonsense answered
								 * after the statement was sent: it may have taken effect */
	CDC_PG_CANCELLED			/* the connection was closed by us */
} CdcPgOutcome;

typedef struct CdcPgResult
{
	CdcPgOutcome outcome;
	char		sqlstate[6];	/* "" when there is none */
	const char *error;			/* one line "message (detail)", no secrets, valid text,
								 * NULL when OK */
	const char *hint;			/* server's hint or NULL */
	const char *detail;			/* and its detail, which error has too, as far as there is room; or NULL */
	const char *said;			/* REFUSED: libpq's text of the login that failed, for
								 * admins, any bytes, without the target's secrets; or NULL */
	void	   *pgresult;		/* opaque, for the accessors below */
	const CdcPgShape *shape;	/* that it has; NULL: of what nothing is read */
} CdcPgResult;

/*
 * Is the PGresult of this shape?  Cleans its texts (common/text.h) on the way.
 * False: why says what it is, one line.  A NULL shape fits all.
 */
extern bool cdc_pg_fits(void *pgresult, const CdcPgShape *shape, char *why, size_t size);

/* Rows of an answer that is OK and has a shape, else 0. */
extern int	cdc_pg_ntuples(const CdcPgResult *result);

/* Is it SQL's NULL (or not there at all)? */
extern bool cdc_pg_isnull(const CdcPgResult *result, int row, int column);

/* The value as text, valid during the callback; "" for NULL and for what is not there. */
extern const char *cdc_pg_value(const CdcPgResult *result, int row, int column);

#endif							/* CDC_PG_RESULT_H */
