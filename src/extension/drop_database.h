/*
 * drop_database.h
 *	  DROP DATABASE of the metadata database is not blocked by our worker.
 */
#ifndef CDC_DROP_DATABASE_H
#define CDC_DROP_DATABASE_H

/* Installs the hook; from _PG_init while preloading. */
extern void cdc_drop_database_init(void);

#endif							/* CDC_DROP_DATABASE_H */
