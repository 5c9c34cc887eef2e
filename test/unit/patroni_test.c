/* link: src/remote/patroni.c src/common/json.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * patroni_test.c
 *	  Whether Patroni leaves a slot alone, by its configuration.
 */
#include "remote/patroni.h"

#include <string.h>

#include "tap.h"

#define SLOT "mdb_pipeline_0a1b2c3d"

static const struct
{
	const char *config;
	CdcTri		keeps;
	bool		declares;
	const char *what;
}			cases[] = {
	{"{}", CDC_NO, false, "nothing is said of slots: all that it does not know go"},
	{"{\"ignore_slots\": [{\"type\": \"logical\", \"plugin\": \"pgoutput\"}]}", CDC_YES, false, "all of a plugin are left alone"},
	{"{\"ignore_slots\": [{\"type\": \"logical\", \"plugin\": \"pgoutput\", \"database\": \"app\"}]}", CDC_YES, false, "... of a database"},
	{"{\"ignore_slots\": [{\"type\": \"logical\", \"plugin\": \"pgoutput\", \"database\": \"other\"}]}", CDC_NO, false, "... of another one"},
	{"{\"ignore_slots\": [{\"type\": \"physical\"}, 7, {\"name\": \"mdb_pipeline_*\"}]}", CDC_NO, false, "a name is no pattern"},
	{"{\"ignore_slots\": [{\"name\": \"" SLOT "\"}]}", CDC_YES, false, "a name alone"},
	{"{\"ignore_slots\": [{}]}", CDC_YES, false, "an entry without a word matches every slot"},
	{"{\"slots\": {\"" SLOT "\": {\"type\": \"logical\", \"database\": \"app\", \"plugin\": \"pgoutput\"}}}", CDC_YES, true, "a slot that is declared"},
	{"{\"slots\": {\"" SLOT "\": {\"type\": \"physical\"}}}", CDC_NO, false, "a physical one of the name is another one"},
	{"{\"slots\": null, \"ignore_slots\": null}", CDC_NO, false, "nothing by null"},
	{"[]", CDC_UNKNOWN, false, "what is no configuration says nothing"},
	{"{\"ignore_slots\": [", CDC_UNKNOWN, false, "a half says nothing"},
	{NULL, CDC_UNKNOWN, false, "what could not be read says nothing"}
};

int
main(void)
{
	CdcPatroni	p;
	size_t		i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		memset(&p, 0, sizeof(p));
		p.there = true;
		cdc_patroni_read(&p, cases[i].config);
		ok(cdc_patroni_keeps(&p, SLOT, "app") == cases[i].keeps && cdc_patroni_declares(&p, SLOT) == cases[i].declares, cases[i].what);
	}
	memset(&p, 0, sizeof(p));
	ok(cdc_patroni_keeps(&p, SLOT, "app") == CDC_YES, "where there is no Patroni nobody drops a slot");
	ok(cdc_patroni_spares("new") == CDC_YES && cdc_patroni_spares("old") == CDC_NO && cdc_patroni_spares(NULL) == CDC_UNKNOWN,
	   "failover slots are left alone by a Patroni that asks as 4.1.0 and later do");
	return done_testing();
}
