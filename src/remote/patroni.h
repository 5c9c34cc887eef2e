/*
 * patroni.h
 *	  What of a node's configuration under Patroni concerns a pipeline's slot.
 *
 * Pure.  Patroni keeps the configuration of the whole cluster in a file of every
 * member's data directory, and drops the replication slots that it does not know
 * of whenever it loads its list of slots: at its own start, at a start, demotion or
 * reinitialization of the server, at the end of a pause.
 * Source: patroni/postgresql/slots.py, SlotsHandler._drop_incorrect_slots();
 * patroni/config.py, Config.save_cache(); documentation, "Dynamic configuration".
 */
#ifndef CDC_PATRONI_H
#define CDC_PATRONI_H

#include "common/base.h"
#include "reconciler/snapshot.h"

/* The name of that file, and how much of it is read. */
#define CDC_PATRONI_FILE "patroni.dynamic.json"
#define CDC_PATRONI_FILE_MAX "262144"

/* One of ignore_slots: NULL is any; each is matched exactly. */
typedef struct CdcPatroniSlot
{
	const char *name;
	const char *type;
	const char *database;
	const char *plugin;
} CdcPatroniSlot;

typedef struct CdcPatroni
{
	bool		there;			/* sessions of Patroni were seen, or its words in pg_hba.conf */
	CdcTri		spares;			/* it leaves failover slots alone, whatever its configuration (4.1.0 and later) */
	bool		known;			/* its configuration was read */
	int			nignored;
	CdcPatroniSlot *ignored;
	int			npermanent;
	const char **permanent;		/* names of the slots that it keeps itself */
} CdcPatroni;

/*
 * Reads the file's text into configuration (known is false where it is none, or
 * more than a few hundred entries); strings are palloc'd.
 */
extern void cdc_patroni_read(CdcPatroni *patroni, const char *words);

/*
 * Does it leave a pipeline's logical slot of this name and database alone?  UNKNOWN:
 * its configuration could not be read.  YES where there is no Patroni.
 */
extern CdcTri cdc_patroni_keeps(const CdcPatroni *patroni, const char *slot, const char *database);

/* Is it declared there, so that Patroni makes and moves it on every member? */
extern bool cdc_patroni_declares(const CdcPatroni *patroni, const char *slot);

/* Does one whose sessions ask this ("new", "old"; NULL: nothing that tells) leave failover slots alone? */
extern CdcTri cdc_patroni_spares(const char *asks);

#endif							/* CDC_PATRONI_H */
