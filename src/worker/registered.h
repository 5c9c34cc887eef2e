/*
 * registered.h
 *	  What is weak in how a service was registered: findings that need no look
 *	  at it.
 */
#ifndef CDC_REGISTERED_H
#define CDC_REGISTERED_H

#include "worker/world.h"

/* Tells each of its findings; called whenever the service's row was read. */
extern void cdc_registered_check(CdcService *service);

#endif							/* CDC_REGISTERED_H */
