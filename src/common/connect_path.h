/*
 * connect_path.h
 *	  Which paths on the hosts of Kafka Connect may stand in a connector's
 *	  configuration.
 *
 * The agent that names its directory of secrets, the registration that names a
 * CA's file and the worker that reads either ask here.  Pure.
 */
#ifndef CDC_CONNECT_PATH_H
#define CDC_CONNECT_PATH_H

#include "common/base.h"

#define CDC_CONNECT_PATH_MAX 1024

/*
 * Why a path may not be one: it must be absolute, at most CDC_CONNECT_PATH_MAX
 * letters, digits, . _ - and / (nothing that would end a reference
 * ${dir:<path>:<name>}), and no part of it "..".  palloc'd, what follows the
 * path's name in a sentence; NULL: it may.
 */
extern char *cdc_connect_path_fault(const char *path);

#endif							/* CDC_CONNECT_PATH_H */
