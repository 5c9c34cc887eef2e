/*
 * taken_back.h
 *	  Which services were taken back within a day: an order that was sent before
 *	  and comes late makes nothing.
 *
 * In services_dir/deleted.json.  Callers hold provision.c's lock.
 */
#ifndef CDC_AGENT_TAKEN_BACK_H
#define CDC_AGENT_TAKEN_BACK_H

#include "common/base.h"

/* Reads the file in services_dir, whose descriptor stays open; false with *error: damaged. */
extern bool agent_taken_back_init(int dir_fd, char **error);

extern bool agent_taken_back_has(const char *id);

/* Writes an id down, and forgets those of yesterday; false with *error. */
extern bool agent_taken_back_note(const char *id, char **error);

#endif							/* CDC_AGENT_TAKEN_BACK_H */
