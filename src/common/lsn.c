/* lsn.c: positions in WAL as text.  See lsn.h. */
#include "common/lsn.h"

#include "common/json.h"

char *
cdc_lsn_words(uint64 lsn)
{
	return psprintf("%X/%X", (uint32) (lsn >> 32), (uint32) lsn);
}

uint64
cdc_lsn_parse(const char *words)
{
	uint32		high;
	uint32		low;

	if (words == NULL || sscanf(words, "%X/%X", &high, &low) != 2)
		return 0;
	return ((uint64) high << 32) | low;
}

void
cdc_lsn_json(struct json_object *object, const char *key, uint64 lsn)
{
	char	   *words = lsn ? cdc_lsn_words(lsn) : NULL;

	cdc_json_add_string(object, key, words);
	if (words)
		pfree(words);
}
