/*
 * names.c
 *	  See names.h.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "worker/io/names.h"

typedef struct Entry
{
	const char *name;
	void	   *what;
	uint32		hash;
	char		status;
} Entry;

#define SH_PREFIX names
#define SH_ELEMENT_TYPE Entry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), (int) strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_DEFINE
#define SH_DECLARE
/* PostgreSQL 15's own has a name twice */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "lib/simplehash.h"
#pragma GCC diagnostic pop

void *
cdc_names_find(CdcNames *const *names, const char *name)
{
	const Entry *entry = *names ? names_lookup(*names, name) : NULL;

	return entry ? entry->what : NULL;
}

void
cdc_names_add(CdcNames **names, const char *name, void *what)
{
	bool		found;

	if (*names == NULL)
		*names = names_create(TopMemoryContext, 64, NULL);
	names_insert(*names, name, &found)->what = what;
}

void
cdc_names_remove(CdcNames **names, const char *name)
{
	names_delete(*names, name);
}
