/* link: src/common/quote.c */
/* libs: -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * quote_test.c
 *	  Statements that are shown to be typed: quoted, or none.
 */
#include "common/quote.h"

#include "tap.h"

/* Names that would be read as something else than they are. */
static const char *const misleading[] = {
	"a\nb", "a\tb", "\x1b[2J", "a\x7f", "a\xc2\x9b" "b", "a\xe2\x80\xae" "b", "a\xe2\x80\xa8" "b", "a\xe2\x81\xa6"
};

int
main(void)
{
	size_t		i;

	is(cdc_quote_format("ALTER TABLE %I.%I SET (x = %d) -- 100%%", "s", "Or\"ders", 7),
	   "ALTER TABLE \"s\".\"Or\"\"ders\" SET (x = 7) -- 100%", "identifiers, a number, a percent sign");
	is(cdc_quote_format("SELECT f(%L)", "it's \\"), "SELECT f( E'it''s \\\\')", "a literal");
	is(cdc_quote_format("DROP TABLE %I", "\xc3\xa4\xe2\x80\x93\xe2\x81\xaa"), "DROP TABLE \"\xc3\xa4\xe2\x80\x93\xe2\x81\xaa\"", "other characters stay");
	is(cdc_quote_format("DROP TABLE %I", (char *) NULL), NULL, "no name, no statement");
	for (i = 0; i < lengthof(misleading); i++)
	{
		is(cdc_quote_format("DROP TABLE %I", misleading[i]), NULL, "a name that misleads gives none");
		is(cdc_quote_format("SELECT %L", misleading[i]), NULL, "nor does a literal");
	}
	return done_testing();
}
