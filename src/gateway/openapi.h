/*
 * openapi.h
 *	  docs/openapi.yaml, as it was when the program was built: served as it
 *	  is, and the list of routes that logs and metrics are told by.
 */
#ifndef CDC_GATEWAY_OPENAPI_H
#define CDC_GATEWAY_OPENAPI_H

#include "common/base.h"

/* The text of the document; its size in bytes. */
extern const char *openapi_text(size_t *size);

/* Reads the routes out of the document. */
extern void openapi_start(void);

#define OPENAPI_ROUTES 64

/*
 * The number of the route that this path (without query) takes, and its
 * template by number; number 0 is "other", for every path that is none.
 */
extern int	openapi_route(const char *path, size_t length);
extern const char *openapi_template(int route);
extern int	openapi_count(void);

#endif							/* CDC_GATEWAY_OPENAPI_H */
