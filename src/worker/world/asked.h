/*
 * asked.h
 *	  Pipelines for which a database is to be asked, all at once: each stands once,
 *	  in its order; and databases in which somebody does.
 */
#ifndef CDC_ASKED_H
#define CDC_ASKED_H

#include "postgres.h"
#include "lib/ilist.h"

struct CdcWorld;
struct CdcPipeline;
struct CdcSourceDb;
struct CdcSourceColumns;

/* What is asked of a database, for many pipelines at once. */
typedef enum CdcAsk
{
	CDC_ASK_LOOK,				/* all about each */
	CDC_ASK_WATCH,				/* its slot alone */
	CDC_ASK_COLUMNS,			/* the columns of its tables */
	CDC_NUM_ASKS
} CdcAsk;

/* Pipelines for which it is to be asked, in their order.  Writer: worker/world. */
typedef struct CdcAsked
{
	dlist_head	urgent;			/* CdcPipeline, by look.ask[]: those that somebody waits for, ... */
	dlist_head	others;			/* ... and those that run, of which most are as they were */
	unsigned	turn;			/* whose it is of the two */
	int			n;				/* of both */
} CdcAsked;

/* What a pipeline's columns were told to be.  Writer: worker/observe. */
typedef struct CdcColumnsTold
{
	int64		at;				/* start of the last look at them that ended, 0: none has */
	const struct CdcSourceDb *of;	/* the database that was looked at */
	bool		known;			/* one of them was answered: */
	const struct CdcSourceColumns *told;	/* in told_context; NULL, as mostly: nothing */
	MemoryContext told_context;
	int64		mark;			/* another one when its tables are, 0: all tables, or none was seen */
	int64		now_us;			/* when that was, by the source's clock */
} CdcColumnsTold;

/* The database is asked for this pipeline too, at the next opportunity. */
extern void cdc_ask(struct CdcSourceDb *db, CdcAsk what, struct CdcPipeline *pipeline);

/* Takes the next one out, NULL: none is left. */
extern struct CdcPipeline *cdc_next_asked(struct CdcSourceDb *db, CdcAsk what);

/* Is there anybody?  Then it may be asked now, since what stood in the way is over. */
extern bool cdc_any_asked(const struct CdcSourceDb *db);
extern void cdc_asks_again(struct CdcSourceDb *db);

/*
 * The next database with somebody, after this one (NULL: the first); NULL: there
 * is none.  Who is asked, or cannot be asked now, is taken out.
 */
extern struct CdcSourceDb *cdc_next_asking(struct CdcWorld *world, const struct CdcSourceDb *after);
extern void cdc_asks_no_more(struct CdcSourceDb *db);

/* Of a database that is being made; the pipeline, the database is forgotten. */
extern void cdc_asked_create(struct CdcSourceDb *db);
extern void cdc_asked_leave(struct CdcPipeline *pipeline);
extern void cdc_asked_close(struct CdcSourceDb *db);

#endif							/* CDC_ASKED_H */
