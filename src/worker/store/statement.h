/*
 * statement.h
 *	  Statements on the metadata that come again and again.
 *
 * Parsed and planned once a process, and anew when what they use has changed
 * (the extension dropped and created again).  Used by store*.c alone.
 */
#ifndef CDC_STATEMENT_H
#define CDC_STATEMENT_H

/*
 * Runs sql, which must be a constant that lives as long as the process, inside
 * SPI_connect() with an active snapshot.  nulls as SPI_execute_plan() wants it,
 * or NULL.  The result is in SPI_processed and SPI_tuptable.  ERROR when it fails,
 * or ends otherwise than expected (an SPI_OK_ code).
 */
extern void cdc_statement_run(const char *sql, int expected, int nargs, const Oid *types, const Datum *values, const char *nulls);

#endif							/* CDC_STATEMENT_H */
