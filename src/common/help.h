/*
 * help.h
 *	  The rows of what a program's --help prints.
 *
 * src/common/manual.awk makes the program's manual page of that text, so it has
 * one form: a line "program: what it does", then paragraphs and, each begun by
 * a line that ends with a colon, sections of rows.  Between the columns of a
 * row are two blanks at least.
 */
#ifndef CDC_HELP_H
#define CDC_HELP_H

#include "common/base.h"

/* Prints one row: a name, its default (NULL: nothing can have one there), what it is. */
static inline void
cdc_help_row(const char *name, const char *standard, const char *help)
{
	if (standard)
		printf("  %-22s  %-16s  %s\n", name, standard, help);
	else
		printf("  %-22s  %s\n", name, help);
}

#endif							/* CDC_HELP_H */
