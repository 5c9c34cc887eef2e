/*
 * mark.h
 *	  Which control plane acts: epochs, their order, and marks that cannot be forged.
 *
 * An epoch is (count, timeline, tie): count is raised by cdc.take_over(), timeline
 * is the metadata server's, tie is chosen at random when either changes, so
 * that no two copies of the metadata that act by their own right are equal.
 * Count and timeline are one number, in that order; the tie, bytewise, decides
 * between equal numbers.  So the order is total, and everybody finds the same.
 *
 * A mark is an epoch with a MAC over (installation, object, epoch) by the
 * installation's own key.  Pure: nothing here does I/O, logs or keeps a key.
 */
#ifndef CDC_MARK_H
#define CDC_MARK_H

#include "common/base.h"

/* Before the name of a pipeline in a comment, and a quote behind it. */
#define CDC_COMMENT_NAME " pipeline \""

#define CDC_TIE_LEN 16			/* hexadecimal digits */
#define CDC_MAC_LEN 32			/* of them: 128 bits of HMAC-SHA-256 */
#define CDC_MARK_WORD_LEN (CDC_TIE_LEN + 1 + CDC_MAC_LEN)
#define CDC_EPOCH_DIGITS 18		/* what agents and marks of 0.1 take at most */

typedef struct CdcEpoch
{
	int64		number;			/* 0: none */
	char		tie[CDC_TIE_LEN + 1];	/* "": none, the lowest; as 0.1 has it */
} CdcEpoch;

/*
 * The number of (count, timeline): count * 2^24 + timeline.  With count 0, as in
 * an installation that was never taken over, it is what 0.1 has.  A count of 0.1 is
 * a time in seconds and its number the sum of both, which is lower than ours.
 * False: count is neither 0 nor from 2^24 (mid 1970) to 59,604,644,774 (the year
 * 3858), or timeline not from 0 to 2^24 - 1; so no number has more digits than 18.
 */
extern bool cdc_epoch_number(int64 count, int64 timeline, int64 *number);

/* A number as text: 1 to 18 digits and nothing else.  False: it is none. */
extern bool cdc_epoch_parse(const char *words, int64 *number);

/* Below, equal to or above 0 as in strcmp(). */
extern int	cdc_epoch_compare(const CdcEpoch *a, const CdcEpoch *b);

/*
 * Is a number that nobody signed at most ours?  Written by 0.1 it is a sum of
 * both, else like ours: no number is both.
 */
extern bool cdc_epoch_reached(int64 number, const CdcEpoch *ours);

/* What a mark says, as it was found: texts or NULL. */
typedef struct CdcMarkSaid
{
	const char *epoch;			/* the number */
	const char *word;			/* tie "." MAC; NULL: not signed */
} CdcMarkSaid;

typedef enum CdcMarkIs
{
	CDC_MARK_UNKNOWN = 0,		/* there is no key to verify it with */
	CDC_MARK_NONE,
	CDC_MARK_OURS,				/* or of a former epoch of the installation */
	CDC_MARK_HIGHER,			/* authentic: a control plane above this one */
	CDC_MARK_UNVERIFIABLE
} CdcMarkIs;

/* Which marks count as ours although nobody signed them as they are; bits. */
#define CDC_MARK_UNSIGNED	1	/* not signed, and at most our epoch: as 0.1 wrote it */
#define CDC_MARK_LOWER		2	/* below our epoch, however signed: it stops nobody */

/*
 * What an object is: a kind and what it is on.  No two lists of parts give the
 * same text; parts may be anything.  palloc'd.
 */
extern char *cdc_mark_object(const char *kind, int nparts, const char *const *parts);

/* The word of a mark, palloc'd; ERROR-free: NULL when OpenSSL fails. */
extern char *cdc_mark_sign(const char *key, const char *installation, const char *object, const CdcEpoch *epoch);

/*
 * What a mark is to the control plane with this epoch.  *theirs, when HIGHER, is
 * its epoch.  key NULL: a signed one is UNKNOWN.  Compares in constant time.
 */
extern CdcMarkIs cdc_mark_judge(const char *key, const char *installation, const char *object,
								CdcMarkSaid said, const CdcEpoch *ours, int also_ours, CdcEpoch *theirs);

/*
 * The comment on a publication: "cdc_pipeline ID epoch NUMBER mark WORD", without
 * " mark WORD" as 0.1 wrote it, and behind it for people the pipeline's name, which
 * is no part of the mark (NULL: none).  said_before: do both say the same but for that name?  read: false when it is not about this id;
 * *said points into copies that are palloc'd.  What does not read as such a comment
 * behind the id is an epoch that does not parse.
 */
extern char *cdc_mark_comment(const char *id, const CdcEpoch *epoch, const char *word, const char *name);
extern bool cdc_mark_said_before(const char *comment, const char *other);
extern bool cdc_mark_read_comment(const char *comment, const char *id, CdcMarkSaid *said);

#endif							/* CDC_MARK_H */
