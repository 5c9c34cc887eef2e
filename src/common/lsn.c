/* lsn.c: positions in WAL as text.  See lsn.h. */
#include "common/lsn.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"

char *
cdc_lsn_words(uint64 lsn)
{
	return psprintf("%X/%X", (uint32) (lsn >> 32), (uint32) lsn);
}

uint64
cdc_lsn_parse(const char *words)
{
	static const char digits[] = "0123456789ABCDEFabcdef";
	size_t		high = words ? strspn(words, digits) : 0;
	size_t		low = high > 0 && words[high] == '/' ? strspn(words + high + 1, digits) : 0;

	if (high < 1 || high > 8 || low < 1 || low > 8 || words[high + 1 + low] != '\0')
		return 0;
	return (strtoull(words, NULL, 16) << 32) | strtoull(words + high + 1, NULL, 16);
}

uint64
cdc_lsn_member(struct json_object *object, const char *key)
{
	return cdc_lsn_parse(cdc_json_string(object, key));
}

void
cdc_lsn_json(struct json_object *object, const char *key, uint64 lsn)
{
	char	   *words = lsn ? cdc_lsn_words(lsn) : NULL;

	cdc_json_add_string(object, key, words);
	if (words)
		pfree(words);
}
