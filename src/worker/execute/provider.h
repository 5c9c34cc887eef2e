/*
 * provider.h
 *	  Services that are made for their users: who makes them, and the loop that
 *	  has them made, looked at and taken away.
 *
 * A provider is a row of functions (provider.c): a request for each of four
 * things, and what the answer means.  When each is asked, what becomes of a
 * service's row and what is tried again is the same for all.  The provider
 * external makes nothing: its row has no functions, and a service of it is what
 * was registered.  See docs/providers.md.
 */
#ifndef CDC_PROVIDER_H
#define CDC_PROVIDER_H

#include "remote/provision.h"
#include "worker/world/world.h"

typedef enum CdcProvide
{
	CDC_PROVIDE_ORDER,			/* have it made; again and again, and it changes nothing */
	CDC_PROVIDE_LOOK,
	CDC_PROVIDE_TAKE_BACK,		/* have it taken away; the same */
	CDC_PROVIDE_ADOPT			/* have who makes it keep our epoch in place of the one that he said */
} CdcProvide;

struct CdcProvider
{
	/*
	 * Fills the request; NULL, or why it cannot be made (palloc'd).  wipe is
	 * called after it was started.
	 */
	char	   *(*request) (const CdcService *service, CdcProvide what, CdcHttpRequest *request);
	void		(*wipe) (CdcHttpRequest *request);
	CdcProvided (*read) (const CdcHttpResult *result);
};

/* The provider local, in provider_local.c. */
extern const struct CdcProvider cdc_provider_local;

#endif							/* CDC_PROVIDER_H */
