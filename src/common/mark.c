/*
 * mark.c
 *	  See mark.h.
 */
#include "common/mark.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define TIMELINE_BITS 24
#define TIMELINES (INT64CONST(1) << TIMELINE_BITS)
#define COUNT_MIN TIMELINES
#define COUNT_MAX INT64CONST(59604644774)	/* (10^18 - 2^24) / 2^24 */

/*
 * Numbers of 0.1, seconds of a clock and timelines, are below the first; ours with a
 * count are not below the second.  What is between is nobody's.
 */
#define SUMS_END (INT64CONST(1) << 36)
#define COUNTED (COUNT_MIN << TIMELINE_BITS)

#define HEX "0123456789abcdef"

#define COMMENT_PREFIX "cdc_pipeline "
#define COMMENT_EPOCH " epoch "
#define COMMENT_MARK " mark "

bool
cdc_epoch_number(int64 count, int64 timeline, int64 *number)
{
	if ((count != 0 && (count < COUNT_MIN || count > COUNT_MAX)) || timeline < 0 || timeline >= TIMELINES)
		return false;
	*number = (count << TIMELINE_BITS) + timeline;
	return true;
}

bool
cdc_epoch_parse(const char *words, int64 *number)
{
	size_t		n = strspn(words, "0123456789");

	if (n == 0 || n > CDC_EPOCH_DIGITS || words[n] != '\0')
		return false;
	*number = strtoll(words, NULL, 10);
	return true;
}

int
cdc_epoch_compare(const CdcEpoch *a, const CdcEpoch *b)
{
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return strcmp(a->tie, b->tie);
}

bool
cdc_epoch_reached(int64 number, const CdcEpoch *ours)
{
	int64		count = ours->number >> TIMELINE_BITS;
	int64		timeline = ours->number & (TIMELINES - 1);

	if (number < SUMS_END)
		return number <= count + timeline;
	return number >= COUNTED && number <= ours->number;
}

char *
cdc_mark_object(const char *kind, int nparts, const char *const *parts)
{
	StringInfoData object;
	int			i;

	initStringInfo(&object);
	appendStringInfoString(&object, kind);
	for (i = 0; i < nparts; i++)
		appendStringInfo(&object, " %zu:%s", strlen(parts[i]), parts[i]);
	return object.data;
}

/* In hexadecimal.  False: OpenSSL failed. */
static bool
make_mac(char mac[CDC_MAC_LEN + 1], const char *key, const char *installation, const char *object, const CdcEpoch *epoch)
{
	char	   *words = psprintf("cdc_pipeline mark 1 %zu:%s %zu:%s " INT64_FORMAT " %s",
								 strlen(installation), installation, strlen(object), object, epoch->number, epoch->tie);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	bool		ok = HMAC(EVP_sha256(), key, (int) strlen(key), (const unsigned char *) words, strlen(words), digest, &length) != NULL;
	int			i;

	pfree(words);
	if (!ok || length < CDC_MAC_LEN / 2)
		return false;
	for (i = 0; i < CDC_MAC_LEN / 2; i++)
	{
		mac[2 * i] = HEX[digest[i] >> 4];
		mac[2 * i + 1] = HEX[digest[i] & 15];
	}
	mac[CDC_MAC_LEN] = '\0';
	return true;
}

char *
cdc_mark_sign(const char *key, const char *installation, const char *object, const CdcEpoch *epoch)
{
	char		mac[CDC_MAC_LEN + 1];

	return make_mac(mac, key, installation, object, epoch) ? psprintf("%s.%s", epoch->tie, mac) : NULL;
}

static bool
is_hex(const char *words, size_t n)
{
	return strspn(words, HEX) >= n;
}

/* Takes a word apart; false: it is none. */
static bool
read_word(const char *word, char *tie, char *mac)
{
	if (strlen(word) != CDC_MARK_WORD_LEN || !is_hex(word, CDC_TIE_LEN) || word[CDC_TIE_LEN] != '.' ||
		!is_hex(word + CDC_TIE_LEN + 1, CDC_MAC_LEN))
		return false;
	strlcpy(tie, word, CDC_TIE_LEN + 1);
	strlcpy(mac, word + CDC_TIE_LEN + 1, CDC_MAC_LEN + 1);
	return true;
}

CdcMarkIs
cdc_mark_judge(const char *key, const char *installation, const char *object,
			   CdcMarkSaid said, const CdcEpoch *ours, int also_ours, CdcEpoch *theirs)
{
	CdcEpoch	epoch = {0};
	char		mac[CDC_MAC_LEN + 1];
	char		right[CDC_MAC_LEN + 1];

	if (said.epoch == NULL && said.word == NULL)
		return CDC_MARK_NONE;
	if (said.epoch == NULL || !cdc_epoch_parse(said.epoch, &epoch.number))
		return CDC_MARK_UNVERIFIABLE;
	if (said.word == NULL)
		return also_ours != 0 && cdc_epoch_reached(epoch.number, ours) ? CDC_MARK_OURS : CDC_MARK_UNVERIFIABLE;
	if (!read_word(said.word, epoch.tie, mac))
		return CDC_MARK_UNVERIFIABLE;
	if ((also_ours & CDC_MARK_LOWER) && cdc_epoch_compare(&epoch, ours) <= 0)
		return CDC_MARK_OURS;
	if (key == NULL)
		return CDC_MARK_UNKNOWN;
	if (!make_mac(right, key, installation, object, &epoch) || CRYPTO_memcmp(right, mac, CDC_MAC_LEN) != 0)
		return CDC_MARK_UNVERIFIABLE;
	if (cdc_epoch_compare(&epoch, ours) <= 0)
		return CDC_MARK_OURS;
	*theirs = epoch;
	return CDC_MARK_HIGHER;
}

char *
cdc_mark_comment(const char *id, const CdcEpoch *epoch, const char *word, const char *name)
{
	char	   *named = name ? psprintf(CDC_COMMENT_NAME "%s\"", name) : pstrdup("");

	return psprintf(COMMENT_PREFIX "%s" COMMENT_EPOCH INT64_FORMAT "%s%s%s", id, epoch->number, word ? COMMENT_MARK : "", word ? word : "", named);
}

/* Where the name begins, or the end. */
static size_t
name_at(const char *comment)
{
	const char *name = strstr(comment, CDC_COMMENT_NAME);

	return name ? (size_t) (name - comment) : strlen(comment);
}

bool
cdc_mark_said_before(const char *comment, const char *other)
{
	return comment && other && name_at(comment) == name_at(other) && strncmp(comment, other, name_at(comment)) == 0;
}

bool
cdc_mark_read_comment(const char *comment, const char *id, CdcMarkSaid *said)
{
	size_t		prefix = strlen(COMMENT_PREFIX);
	char	   *rest;
	char	   *word;

	memset(said, 0, sizeof(*said));
	if (comment == NULL || strncmp(comment, COMMENT_PREFIX, prefix) != 0 || strncmp(comment + prefix, id, strlen(id)) != 0)
		return false;
	rest = pstrdup(comment + prefix + strlen(id));
	rest[name_at(rest)] = '\0';
	if (rest[0] == '\0')
		return true;
	if (strncmp(rest, COMMENT_EPOCH, strlen(COMMENT_EPOCH)) != 0)
	{
		said->epoch = rest;
		return true;
	}
	said->epoch = rest + strlen(COMMENT_EPOCH);
	word = strstr(rest, COMMENT_MARK);
	if (word)
	{
		*word = '\0';
		said->word = word + strlen(COMMENT_MARK);
	}
	return true;
}
