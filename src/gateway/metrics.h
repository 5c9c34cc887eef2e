/*
 * metrics.h
 *	  What the gateway counts about itself, in Prometheus' text format.
 *
 * Labels are bounded: a route of the document or "other", a status of HTTP.
 */
#ifndef CDC_GATEWAY_METRICS_H
#define CDC_GATEWAY_METRICS_H

#include "common/base.h"
#include "lib/stringinfo.h"

extern void metrics_count(int route, int status, uint64 microseconds);

/* Appends the text. */
extern void metrics_print(StringInfo to);

#endif							/* CDC_GATEWAY_METRICS_H */
