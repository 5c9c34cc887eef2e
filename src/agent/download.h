/*
 * download.h
 *	  Fetches an archive into a file and checks its SHA-512.
 *
 * Only from URLs that the configuration allows, redirects included.
 */
#ifndef CDC_AGENT_DOWNLOAD_H
#define CDC_AGENT_DOWNLOAD_H

#include "agent/config.h"

/* May this URL be fetched?  NULL: yes, else why not (palloc'd). */
extern char *agent_download_fault(const AgentConfig *config, const char *url);

/*
 * Writes what url gives into fd (empty, opened for writing) and compares its
 * SHA-512 with sha512 (lower case).  False, *error set, when it cannot be had
 * whole, is larger than max_download_bytes or is not what was asked for.  Waits
 * for at most download_timeout.
 */
extern bool agent_download(const AgentConfig *config, const char *url, const char *sha512, int fd, char **error);

#endif							/* CDC_AGENT_DOWNLOAD_H */
