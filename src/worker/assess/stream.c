/*
 * stream.c
 *	  Whether what is confirmed of the slot moves, and whether one walsender streams
 *	  on and on: with the reason, as far as the source knows it.
 *
 * See assess_parts.h.  Connect calls a task RUNNING whatever it tries again by itself.
 */
#include "postgres.h"

#include "common/lsn.h"
#include "extension/topics.h"
#include "worker/assess/assess_parts.h"
#include "worker/world/facts.h"

/* So many walsenders that ended, one after the other, are no chance. */
#define BREAKS 2

/* What waits was asked about, and it is of what is the matter now. */
static bool
is_asked(const CdcPipeline *p)
{
	return p->look.pending.of != 0 && p->look.pending.of == p->learned.stream.stuck_since;
}

char *
cdc_waiting_words(const CdcPipeline *p)
{
	const char *tables = p->look.pending.tables;
	StringInfoData words;
	const char *name;

	if (!is_asked(p) || tables == NULL)
		return NULL;
	initStringInfo(&words);
	for (name = tables; *name != '\0'; name += strcspn(name, "\n"), name += *name == '\n')
	{
		char	   *table = pnstrdup(name, strcspn(name, "\n"));

		appendStringInfo(&words, "%stable %s, topic %s", words.len > 0 ? "; " : "", table, cdc_topic_name(p->wanted.topic_prefix, table));
	}
	return psprintf("the change that waits is of %s", words.data);
}

void
cdc_assess_flow(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	char	   *words;

	s->moving = CDC_UNKNOWN;
	if (!p->look.seen->slot_exists || !p->look.seen->slot_consistent || p->plan.rounds_running < 2)
		return;
	s->moving = cdc_stands_still(p) ? CDC_NO : CDC_YES;
	if (s->moving == CDC_YES)
		return;
	words = cdc_waiting_words(p);
	cdc_set_detail(a, CDC_DETAIL_MOVING,
				   psprintf("%d s at %s%s%s", (int) ((cdc_loop_now() - p->learned.flushed_at) / 1000), cdc_lsn_words(p->learned.flushed), words ? "; " : "", words ? words : ""));
}

/* Why nothing streams, in the best words that there are. */
static char *
why_words(const CdcPipeline *p)
{
	const char *why = is_asked(p) ? p->look.pending.words : NULL;

	if (why == NULL && p->kept.nfailures > 0)
		why = p->learned.failure;
	return why ? psprintf("it tries again by itself what fails: %s", why) : pstrdup("what it tries again by itself is in Kafka Connect's log");
}

void
cdc_assess_stream(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcPipelineStream *stream = &p->learned.stream;

	s->stream_breaks = stream->ended >= BREAKS ? CDC_YES : CDC_NO;
	if (stream->told_since)
		cdc_set_detail(a, CDC_DETAIL_STREAM, psprintf("since %s; %s", cdc_time_words(stream->told_since), why_words(p)));
	s->new_task = !cdc_new_task_may_help(p) ? CDC_NO :
		p->look.offsets_at < p->plan.connect_since ? CDC_UNKNOWN :
	/* offsets are read from Kafka: where that is away, no task helps */
		p->look.offsets_known == CDC_YES ? CDC_YES : CDC_NO;
}
