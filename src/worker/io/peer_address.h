/*
 * peer_address.h
 *	  May the worker connect to an address that a member of an organization gave?
 */
#ifndef CDC_PEER_ADDRESS_H
#define CDC_PEER_ADDRESS_H

#include "postgres.h"

#include "common/address.h"

/*
 * NULL when it may, else what is wrong with it ("a loopback address", "an address
 * of the metadata server").  cdc_pipeline.member_networks allows more.  Throws
 * nothing and does not palloc: libcurl's callbacks ask too.
 */
extern const char *cdc_peer_refused(const CdcAddress *address);

#endif							/* CDC_PEER_ADDRESS_H */
