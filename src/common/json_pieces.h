/*
 * json_pieces.h
 *	  A long JSON list, read as it comes: each member by itself as soon as its
 *	  text is whole.
 *
 * For answers that may be larger than one step of the worker's loop may work
 * on.  Owns the text of the member that comes and of what is around the list,
 * each with a limit; knows no peer.  malloc only and no ereport, since it is
 * fed from inside libcurl.
 */
#ifndef CDC_JSON_PIECES_H
#define CDC_JSON_PIECES_H

#include "common/base.h"
#include <json-c/json.h>

/* The most that one piece may have: it is parsed in one step. */
#define CDC_JSON_PIECE_MAX (1024 * 1024)

#define CDC_JSON_PATH_MAX 2

/* What is said of a member's text before it is parsed. */
typedef enum CdcJsonKnown
{
	CDC_JSON_NEW,				/* it is to be parsed, and taken */
	CDC_JSON_KNOWN,				/* it is the text of one that was taken before, and is taken */
	CDC_JSON_REFUSED			/* the list is none */
} CdcJsonKnown;

/*
 * Which list, and who takes its members.  open: '[' for an array, whose
 * members are values, '{' for an object, of which each member comes as an
 * object with this one key.  path: the keys that lead to it from the whole,
 * none where it is the whole.  piece_max: bytes of a member, at most
 * CDC_JSON_PIECE_MAX; depth_max: of the whole.  skipped (may be NULL: such a list
 * is none): is told of a member that is longer or deeper, or null, by how it begins, an
 * object's from its brace on; nothing else of it is kept.  known (may be
 * NULL): is asked of each member's text first, as it came, an object's with
 * braces around it; it must not ereport, and may only know a text that take
 * took.  take: gets each member (which
 * is put afterwards) and how long its text was; it must not ereport; false:
 * the list is none.
 */
typedef struct CdcJsonPiecesOf
{
	char		open;
	const char *path[CDC_JSON_PATH_MAX];
	size_t		piece_max;
	int			depth_max;
	bool		(*skipped) (const char *begin, size_t length, void *arg);
	CdcJsonKnown (*known) (const char *words, size_t length, void *arg);
	bool		(*take) (struct json_object *piece, size_t length, void *arg);
} CdcJsonPiecesOf;

typedef struct CdcJsonPieces CdcJsonPieces;

/* of is kept, not copied.  NULL: no memory.  cdc_json_pieces_free by the caller. */
extern CdcJsonPieces *cdc_json_pieces_new(const CdcJsonPiecesOf *of, void *arg);

/* The next bytes, any; false: it is not that list (and stays so). */
extern bool cdc_json_pieces_feed(CdcJsonPieces *pieces, const char *data, size_t length);

/* Did bytes come that can be no part of that list? */
extern bool cdc_json_pieces_failed(const CdcJsonPieces *pieces);

/* Was all of it one JSON text with the list in it? */
extern bool cdc_json_pieces_whole(const CdcJsonPieces *pieces);

/* Accepts NULL. */
extern void cdc_json_pieces_free(CdcJsonPieces *pieces);

#endif							/* CDC_JSON_PIECES_H */
